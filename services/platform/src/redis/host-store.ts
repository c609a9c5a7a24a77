import { type HostState, UNKNOWN_HOST } from '@tdc/core';
import type { RedisClient } from './connect.ts';
import type { RedisKeys } from './keys.ts';

/** What delivery last learned about each destination, for tophosts and hoststatus. */
export interface HostStore {
  save(intake: string, state: HostState): Promise<void>;
  /** By alias; a host that nothing is known of is {@link UNKNOWN_HOST}. */
  load(intakes: readonly string[]): Promise<Readonly<Record<string, HostState>>>;
}

/** Long after anything was sent there, what was learned about a host is no longer worth showing. */
const LIFE_SECONDS = 30 * 24 * 3600;

export function createHostStore(redis: RedisClient, keys: RedisKeys): HostStore {
  return {
    async save(intake, state) {
      await redis.set(keys.host(intake), JSON.stringify(state), 'EX', LIFE_SECONDS);
    },
    async load(intakes) {
      const values = intakes.length === 0 ? [] : await redis.mget(intakes.map(keys.host));
      return Object.fromEntries(
        intakes.map((intake, index) => {
          const text = values[index];
          return [intake, typeof text === 'string' ? (JSON.parse(text) as HostState) : UNKNOWN_HOST];
        }),
      );
    },
  };
}
