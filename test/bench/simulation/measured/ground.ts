import { hash } from 'node:crypto';
import { type JournalCopy, toDcid, toMid } from '@tdc/core';
import {
  type ConnectionCeiling,
  createConnectionCeiling,
  createJournalQueue,
  createLedger,
  createRedisKeys,
  type JournalQueue,
  type Ledger,
  type RedisClient,
} from '@tdc/platform';
import { sampleCopy } from '../../../support/sample-copy.ts';

/** The product's own stores on one Redis, for those who count what they ask of it. */
export interface Ground {
  readonly redis: RedisClient;
  /** Share of a processor that this Redis uses while it is asked nothing. */
  readonly idleShare: number;
  readonly ledger: Ledger;
  readonly queue: JournalQueue;
  /** As many copies as are asked for, of messages of their own, that were never seen before. */
  copies(count: number, bodyBytes: number): readonly JournalCopy[];
  /** The places under the ceiling as this worker sees them. */
  ceilingOf(worker: string): ConnectionCeiling;
  close(): Promise<void>;
}

export const keys = createRedisKeys();

/** What a message intake answers, about as long as real ones do. */
export const DELIVERED = {
  kind: 'delivered',
  dcid: toDcid(1),
  response: '250 2.0.0 Ok: queued as 4f5f2c93e6fba0f',
} as const;

const TRACKING_HOURS = 24;
const BODY_SECONDS = 180;

/** `idleShare`: see {@link Ground}; where times are of no interest it need not be known. */
export async function openGround(redis: RedisClient, idleShare = 0): Promise<Ground> {
  const queue = await createJournalQueue(redis, { prefix: keys.prefix, onError: () => undefined });
  let last = 0;
  return {
    redis,
    idleShare,
    queue,
    ledger: createLedger(redis, keys, {
      now: Date.now,
      trackingHours: TRACKING_HOURS,
      bodySeconds: BODY_SECONDS,
    }),
    copies: (count, bodyBytes) =>
      Array.from({ length: count }, () => {
        last += 1;
        return sampleCopy(last, {
          mid: toMid(last),
          journalId: hash('sha256', String(last), 'hex'),
          sizeBytes: bodyBytes,
          enqueuedAt: Date.now(),
        });
      }),
    ceilingOf: (worker) => createConnectionCeiling(redis, keys, { worker, now: Date.now }),
    close: () => queue.close(),
  };
}
