import { Cluster } from 'ioredis';
import type { RedisClient } from './connect.ts';
import type { RedisKeys } from './keys.ts';

/** The value of a field of INFO; '' when it is not there. */
export const infoValue = (info: string, name: string): string =>
  new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';

/**
 * INFO of the server that holds our keys, whole or one section. In a Cluster a command without a key goes to any node,
 * so a script with one of our keys asks. Rejects when the server does not answer.
 */
export async function readInfo(redis: RedisClient, keys: RedisKeys, section?: 'memory'): Promise<string> {
  if (redis instanceof Cluster) {
    const script = "return redis.call('INFO', unpack(ARGV))";
    return String(await redis.eval(script, 1, keys.active, ...(section === undefined ? [] : [section])));
  }
  return section === undefined ? redis.info() : redis.info(section);
}
