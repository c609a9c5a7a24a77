import { type HostState, UNKNOWN_HOST } from '@tdc/core';
import type { RedisClient } from './connect.ts';
import type { RedisKeys } from './keys.ts';

/** What delivery last learned about each destination, for tophosts and hoststatus. */
export interface HostStore {
  /** Replaces these fields alone: workers learn different things of the same host, at the same time. */
  save(intake: string, change: Partial<HostState>): Promise<void>;
  /** By alias; what nothing is known of is as in {@link UNKNOWN_HOST}. */
  load(intakes: readonly string[]): Promise<Readonly<Record<string, HostState>>>;
}

/** Long after anything was sent there, what was learned about a host is no longer worth showing. */
const LIFE_SECONDS = 30 * 24 * 3600;

const mapValues = <From, To>(record: Readonly<Record<string, From>>, to: (value: From) => To) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));

export function createHostStore(redis: RedisClient, keys: RedisKeys): HostStore {
  const loadOne = async (intake: string): Promise<[string, HostState]> => {
    const fields = await redis.hgetall(keys.host(intake));
    return [intake, { ...UNKNOWN_HOST, ...mapValues(fields, (text) => JSON.parse(text) as unknown) }];
  };
  return {
    async save(intake, change) {
      const key = keys.host(intake);
      await Promise.all([
        redis.hset(
          key,
          mapValues(change, (value) => JSON.stringify(value)),
        ),
        redis.expire(key, LIFE_SECONDS),
      ]);
    },
    load: async (intakes) => Object.fromEntries(await Promise.all(intakes.map(loadOne))),
  };
}
