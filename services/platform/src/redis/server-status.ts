import type { RedisClient } from './connect.ts';
import type { RedisKeys } from './keys.ts';
import { infoValue, readInfo } from './server-info.ts';

/** How the server is, by its own account. Memory in bytes, times in seconds since the epoch. */
export interface RedisServerStatus {
  readonly memoryUsedBytes: number;
  /** 0 when there is no limit. */
  readonly memoryLimitBytes: number;
  /** Since the server started; anything but 0 means that it throws data away. */
  readonly evictedKeys: number;
  readonly connectedClients: number;
  readonly isPrimary: boolean;
  readonly connectedReplicas: number;
  readonly appendOnly: boolean;
  /** Whether the last write of the append-only file went well; true when there is none. */
  readonly appendOnlyOk: boolean;
  readonly lastSaveAt: number;
  readonly lastSaveOk: boolean;
}

/** Reads the status from one INFO. Rejects when Redis does not answer. */
export async function readRedisServerStatus(redis: RedisClient, keys: RedisKeys): Promise<RedisServerStatus> {
  const info = await readInfo(redis, keys);
  const number = (name: string): number => Number(infoValue(info, name)) || 0;
  // What a server does not tell, such as one that somebody else runs, is no failure.
  const isOk = (name: string): boolean => ['ok', ''].includes(infoValue(info, name));
  return {
    memoryUsedBytes: number('used_memory'),
    memoryLimitBytes: number('maxmemory'),
    evictedKeys: number('evicted_keys'),
    connectedClients: number('connected_clients'),
    isPrimary: infoValue(info, 'role') === 'master',
    connectedReplicas: number('connected_slaves'),
    appendOnly: number('aof_enabled') === 1,
    appendOnlyOk: isOk('aof_last_write_status') && isOk('aof_last_bgrewrite_status'),
    lastSaveAt: number('rdb_last_save_time'),
    lastSaveOk: isOk('rdb_last_bgsave_status'),
  };
}
