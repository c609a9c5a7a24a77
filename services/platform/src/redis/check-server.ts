import type { RedisClient } from './connect.ts';

/** BullMQ and our scripts need the commands of Redis 7 (COPY, LMPOP, GT flags); Valkey began at 7.2. */
const OLDEST_MAJOR = 7;

/** The value of a field of INFO; '' when it is not there. */
export const infoValue = (info: string, name: string): string =>
  new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';

/**
 * What makes this server unfit to hold mail, each in one sentence for the operator; empty when it is fit. A wrong
 * eviction policy would throw queued copies away without a word, so it is refused whether a limit is set or not.
 * Rejects when Redis does not answer.
 */
export async function checkRedisServer(redis: RedisClient): Promise<readonly string[]> {
  let info: string;
  try {
    // INFO and not CONFIG: it is allowed to more users.
    info = await redis.info();
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOPERM')) throw error;
    return [`Redis does not let this user read INFO, so whether it is fit cannot be known: ${error.message}`];
  }
  const problems: string[] = [];
  const valkey = infoValue(info, 'valkey_version');
  const version = valkey === '' ? infoValue(info, 'redis_version') : valkey;
  if (version === '') problems.push('what answers is no Redis: it does not tell its version');
  else if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR)) {
    problems.push(`Redis ${version} is too old: version ${OLDEST_MAJOR} or newer is needed`);
  }
  const policy = infoValue(info, 'maxmemory_policy');
  if (policy !== '' && policy !== 'noeviction') {
    problems.push(`Redis has maxmemory-policy ${policy}: it must be noeviction, or queued copies can vanish`);
  }
  return problems;
}

/** How full the server's memory is: used and limit in bytes, limit 0 when there is none. */
export async function redisMemory(redis: RedisClient): Promise<{ usedBytes: number; limitBytes: number }> {
  const info = await redis.info('memory');
  return {
    usedBytes: Number(infoValue(info, 'used_memory')),
    limitBytes: Number(infoValue(info, 'maxmemory')),
  };
}
