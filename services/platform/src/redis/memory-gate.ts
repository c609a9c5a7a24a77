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
  stop(): void;
}

const POLL_MS = 1000;

export function createMemoryGate(redis: RedisClient, keys: RedisKeys, maxPercent: number): MemoryGate {
  let closed = false;
  let measuring = false;
  const measure = async (): Promise<void> => {
    if (measuring) return;
    measuring = true;
    try {
      const { usedBytes, limitBytes } = await redisMemory(redis, keys);
      closed = limitBytes > 0 && usedBytes > (limitBytes * maxPercent) / 100;
    } catch {
      // Redis away is answered elsewhere; the last measurement stands.
    } finally {
      measuring = false;
    }
  };
  const timer = setInterval(() => void measure(), POLL_MS);
  timer.unref();
  void measure();
  return { isClosed: () => closed, stop: () => clearInterval(timer) };
}
