import type { JournalCopy, Mid } from '@tdc/core';
import {
  closeRedis,
  connectRedis,
  createJournalQueue,
  createLedger,
  createRedisKeys,
  createSpool,
  type JournalQueue,
  type Ledger,
  type RedisClient,
  whenRedisReady,
} from '@tdc/platform';

/** What intake left in Redis, read as the other services read it. */
export interface StoredCopies {
  readonly redis: RedisClient;
  readonly ledger: Ledger;
  readonly queue: JournalQueue;
  /** Every copy without an outcome, by MID. */
  readonly active: () => Promise<readonly JournalCopy[]>;
  /** The octets in the spool, checked against the copy's length and hash. */
  readonly original: (copy: JournalCopy) => Promise<Buffer>;
  /** How many bodies there are in the spool. */
  readonly bodies: () => Promise<number>;
  /** Forgets copies, jobs and bodies; numbers go on. */
  readonly clear: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const READY_MS = 10_000;
/** Beyond the deadline of every copy. */
const LATER_MS = 24 * 3600 * 1000;

export async function openStoredCopies(redisUrl: string): Promise<StoredCopies> {
  const redis = connectRedis(redisUrl, { role: 'command' });
  if (!(await whenRedisReady(redis, AbortSignal.timeout(READY_MS)))) throw new Error('Redis did not come up');
  const keys = createRedisKeys();
  const ledger = createLedger(redis, keys, { now: Date.now, trackingHours: 1 });
  const spool = createSpool(redis, keys, { ttlSeconds: 1 });
  const queue = await createJournalQueue(redis, { prefix: keys.prefix, onError: () => undefined });
  const active = async (): Promise<readonly JournalCopy[]> => {
    const copies = await ledger.expired(Date.now() + LATER_MS, 10_000);
    return copies.toSorted((a, b) => a.mid - b.mid);
  };
  return {
    redis,
    ledger,
    queue,
    active,
    async original({ mid, sizeBytes, sha256 }) {
      const chunks: Buffer[] = [];
      for await (const chunk of spool.read(mid, { sizeBytes, sha256 })) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
    bodies: async () => (await redis.keys(`${keys.prefix}:spool:*`)).length,
    async clear() {
      for (const { mid } of await active()) {
        await queue.remove(mid);
        await ledger.finish(mid, { kind: 'deleted' });
      }
    },
    async close() {
      await queue.close();
      await closeRedis(redis);
    },
  };
}

/** The MIDs that a reply names. */
export const queuedIn = (reply: string): readonly number[] =>
  [...(/ queued as MID ([\d, ]+)/.exec(reply)?.[1]?.matchAll(/\d+/g) ?? [])].map(([mid]) => Number(mid));

export const midsOf = (copies: readonly JournalCopy[]): readonly Mid[] => copies.map(({ mid }) => mid);
