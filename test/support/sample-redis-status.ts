import type { RedisServerStatus } from '@tdc/platform';

/** A Redis that is well: a primary with a replica, an append-only file, and a quarter of its memory used. */
export const SAMPLE_REDIS_STATUS: RedisServerStatus = {
  memoryUsedBytes: 1_048_576,
  memoryLimitBytes: 4_194_304,
  evictedKeys: 0,
  connectedClients: 12,
  isPrimary: true,
  connectedReplicas: 1,
  appendOnly: true,
  appendOnlyOk: true,
  lastSaveAt: 1_795_600_000,
  lastSaveOk: true,
};
