import type { Dcid } from '@tdc/core';
import type { RedisClient } from './connect.ts';
import type { RedisKeys } from './keys.ts';

/**
 * The ceiling on connections to one destination, over all workers together (spec §6). A connection holds a lease that
 * its worker renews; the leases of a worker that died run out by themselves.
 */
export interface ConnectionCeiling {
  /** Takes a lease; false when `limit` connections are open. */
  acquire(intake: string, dcid: Dcid, limit: number): Promise<boolean>;
  release(intake: string, dcid: Dcid): Promise<void>;
  /** Renews every lease this worker holds. */
  renew(): Promise<void>;
  /** Connections open at the moment, over all workers. */
  count(intake: string): Promise<number>;
  /** Workers that hold connections to the destination at the moment. */
  workers(intake: string): Promise<number>;
  /**
   * The destination took a connection of this worker, or a copy over one. The others are told once a second at most;
   * undefined when they know already.
   */
  served(intake: string): Promise<unknown> | undefined;
  /** Whether the destination served another worker within the last {@link SERVED_LATELY_MS}. */
  servesOthers(intake: string): Promise<boolean>;
}

/** A worker that was killed frees its places after this time. */
export const CONNECTION_LEASE_MS = 15_000;
/** How long a destination that has served a worker is taken to go on. */
export const SERVED_LATELY_MS = 5_000;
const TELL_SERVED_MS = 1_000;
const FORGET_SERVED_MS = 60_000;

/** KEYS: leases. ARGV: now, end of lease, limit, member. Answers 1 when the lease was taken. */
const ACQUIRE = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZSCORE', KEYS[1], ARGV[4]) == false and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  return 0
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[4])
redis.call('PEXPIRE', KEYS[1], 60000)
return 1
`;

export function createConnectionCeiling(
  redis: RedisClient,
  keys: RedisKeys,
  options: { readonly worker: string; readonly now: () => number },
): ConnectionCeiling {
  const { worker, now } = options;
  const held = new Map<string, Set<string>>();
  const told = new Map<string, number>();
  const member = (dcid: Dcid): string => `${worker}/${dcid}`;
  const liveMembers = (intake: string): Promise<string[]> =>
    redis.zrangebyscore(keys.connections(intake), `(${now()}`, '+inf');

  return {
    async acquire(intake, dcid, limit) {
      const at = now();
      const key = keys.connections(intake);
      const taken = await redis.eval(ACQUIRE, 1, key, at, at + CONNECTION_LEASE_MS, limit, member(dcid));
      if (taken !== 1) return false;
      held.set(intake, (held.get(intake) ?? new Set()).add(member(dcid)));
      return true;
    },
    async release(intake, dcid) {
      held.get(intake)?.delete(member(dcid));
      await redis.zrem(keys.connections(intake), member(dcid));
    },
    async renew() {
      const end = now() + CONNECTION_LEASE_MS;
      const commands = [...held].filter(([, members]) => members.size > 0);
      if (commands.length === 0) return;
      const pipeline = redis.pipeline();
      for (const [intake, members] of commands) {
        pipeline.zadd(keys.connections(intake), ...[...members].flatMap((one) => [end, one]));
        pipeline.pexpire(keys.connections(intake), CONNECTION_LEASE_MS * 4);
      }
      await pipeline.exec();
    },
    count: async (intake) => (await liveMembers(intake)).length,
    workers: async (intake) =>
      new Set((await liveMembers(intake)).map((one) => one.slice(0, one.lastIndexOf('/')))).size,
    served(intake) {
      const at = now();
      if (at < (told.get(intake) ?? 0) + TELL_SERVED_MS) return undefined;
      told.set(intake, at);
      const key = keys.served(intake);
      return redis
        .pipeline()
        .zadd(key, at, worker)
        .zremrangebyscore(key, '-inf', at - FORGET_SERVED_MS)
        .pexpire(key, FORGET_SERVED_MS)
        .exec();
    },
    async servesOthers(intake) {
      const served = await redis.zrangebyscore(keys.served(intake), now() - SERVED_LATELY_MS, '+inf');
      return served.some((one) => one !== worker);
    },
  };
}
