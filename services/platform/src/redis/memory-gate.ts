import { redisMemory } from './check-server.ts';
import type { RedisClient } from './connect.ts';
import type { RedisKeys } from './keys.ts';

/**
 * Keeps intake away from a full Redis: at its memory limit Redis refuses the commands that drain the queue, too, so the
 * door must close well before (spec §9: 452).
 */
export interface MemoryGate {
  /** Whether used memory is above the given share of the limit, as last measured; false when there is no limit. */
  isClosed(): boolean;
  /** Whether there is room for so many more bytes below that share, as last measured. */
  hasRoom(bytes: number): boolean;
  /** Tells of bytes that were stored since; until the next measurement they count as used. */
  stored(bytes: number): void;
  /** Measures now. */
  measure(): Promise<void>;
  stop(): void;
}

const POLL_MS = 1000;

export function createMemoryGate(redis: RedisClient, keys: RedisKeys, maxPercent: number): MemoryGate {
  let used = 0;
  let limit = Number.POSITIVE_INFINITY;
  let since = 0;
  let measuring = false;
  const measure = async (): Promise<void> => {
    if (measuring) return;
    measuring = true;
    const before = since;
    try {
      const { usedBytes, limitBytes } = await redisMemory(redis, keys);
      used = usedBytes;
      limit = limitBytes > 0 ? (limitBytes * maxPercent) / 100 : Number.POSITIVE_INFINITY;
      since -= before;
    } catch {
      // Redis away is answered elsewhere; the last measurement stands.
    } finally {
      measuring = false;
    }
  };
  const timer = setInterval(() => void measure(), POLL_MS);
  timer.unref();
  void measure();
  return {
    isClosed: () => used + since > limit,
    hasRoom: (bytes) => used + since + bytes <= limit,
    stored(bytes) {
      since += bytes;
    },
    measure,
    stop: () => clearInterval(timer),
  };
}
