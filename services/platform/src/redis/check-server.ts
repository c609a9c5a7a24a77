import { Cluster } from 'ioredis';
import type { RedisClient } from './connect.ts';
import type { RedisKeys } from './keys.ts';
import { infoValue, readInfo } from './server-info.ts';

/** BullMQ and our scripts need the commands of Redis 7 (COPY, LMPOP, GT flags); Valkey began at 7.2. */
const OLDEST_MAJOR = 7;

/**
 * What makes this server unfit to hold mail, each in one sentence for the operator; empty when it is fit. A wrong
 * eviction policy would throw queued copies away without a word, so it is refused whether a limit is set or not. In a
 * Cluster every node that may come to hold our keys is looked at. Rejects when Redis does not answer, or as a replica.
 */
export async function checkRedisServer(redis: RedisClient, keys: RedisKeys): Promise<readonly string[]> {
  let info: string;
  try {
    // INFO and not CONFIG: it is allowed to more users.
    info = await readInfo(redis, keys);
  } catch (error) {
    if (!(error instanceof Error) || !/NOPERM|can't run this command/.test(error.message)) throw error;
    return [`Redis does not let this user read INFO, so whether it is fit cannot be known: ${error.message}`];
  }
  if (redis instanceof Cluster) return checkCluster(redis, info);
  const mode = infoValue(info, 'redis_mode');
  if (mode === 'cluster') return ['this Redis is a Cluster: set TDC_REDIS_MODE=cluster'];
  if (mode === 'sentinel') return ['this is a Sentinel and no Redis: set TDC_REDIS_MODE=sentinel'];
  // It may be told to be the primary any moment: no reason to give up.
  if (infoValue(info, 'role') === 'slave') throw new Error('it is a replica, and takes no writes');
  return problemsIn(info, 'Redis');
}

async function checkCluster(cluster: Cluster, ownInfo: string): Promise<readonly string[]> {
  const found = await Promise.allSettled(
    cluster.nodes('all').map(async (node) => {
      const { host, port } = node.options;
      return problemsIn(await node.info(), `Redis at ${host}:${port}`);
    }),
  );
  // A node that is down holds nothing; when it comes back and is unfit, the next look finds it.
  const problems = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  return problems.length > 0 ? problems : problemsIn(ownInfo, 'Redis');
}

function problemsIn(info: string, who: string): string[] {
  const problems: string[] = [];
  const valkey = infoValue(info, 'valkey_version');
  const version = valkey === '' ? infoValue(info, 'redis_version') : valkey;
  if (version === '') problems.push('what answers is no Redis: it does not tell its version');
  else if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR)) {
    problems.push(`${who} ${version} is too old: version ${OLDEST_MAJOR} or newer is needed`);
  }
  const policy = infoValue(info, 'maxmemory_policy');
  if (policy !== '' && policy !== 'noeviction') {
    problems.push(
      `${who} has maxmemory-policy ${policy}: it must be noeviction, or queued copies can vanish`,
    );
  }
  return problems;
}

/** How full the memory of the server that holds our keys is: used and limit in bytes, limit 0 when there is none. */
export async function redisMemory(
  redis: RedisClient,
  keys: RedisKeys,
): Promise<{ usedBytes: number; limitBytes: number }> {
  const info = await readInfo(redis, keys, 'memory');
  return {
    usedBytes: Number(infoValue(info, 'used_memory')),
    limitBytes: Number(infoValue(info, 'maxmemory')),
  };
}
