import { pause } from '../process/waiting.ts';
import type { RedisClient } from './connect.ts';

/** Numbers that are given out once over all processes: MID, ICID, DCID. */
export interface IdSequence {
  /** The next number; undefined when the store is away and the numbers in hand are used up. */
  next(): number | undefined;
  /** Resolves when there are numbers in hand; false when `signal` aborts first. */
  ready(signal: AbortSignal): Promise<boolean>;
}

const DEFAULT_BLOCK = 100;
const RETRY_MS = 500;

/**
 * KEYS: the counter. ARGV: size of the block, the highest number the caller was ever given. Answers the block's last
 * number. A counter that is behind the caller belongs to a store that lost its data: it goes on above what was given.
 */
const NEXT_BLOCK = `
local last = redis.call('INCRBY', KEYS[1], ARGV[1])
local lowest = tonumber(ARGV[1]) + tonumber(ARGV[2])
if last < lowest then
  redis.call('SET', KEYS[1], string.format('%.0f', lowest))
  last = lowest
end
return last
`;

/**
 * Takes numbers from a Redis counter in blocks, the next one in the background when half of the last is used, so that
 * nobody waits for a number. A process that dies leaves a gap, never a double; nor does it begin anew when Redis does.
 */
export function createIdSequence(redis: RedisClient, key: string, block: number = DEFAULT_BLOCK): IdSequence {
  const ranges: { next: number; end: number }[] = [];
  let fetching: Promise<void> | undefined;
  let highest = 0;
  const left = (): number => ranges.reduce((total, range) => total + range.end - range.next, 0);

  const fetch = (): Promise<void> => {
    fetching ??= redis
      .eval(NEXT_BLOCK, 1, key, block, highest)
      .then((answer) => {
        const last = Number(answer);
        highest = last;
        ranges.push({ next: last - block + 1, end: last + 1 });
      })
      .catch(() => undefined)
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  };

  return {
    next() {
      const range = ranges[0];
      if (left() <= block / 2) void fetch();
      if (range === undefined) return undefined;
      const value = range.next;
      range.next += 1;
      if (range.next === range.end) ranges.shift();
      return value;
    },
    async ready(signal) {
      while (left() === 0 && !signal.aborted) {
        await fetch();
        if (left() === 0) await pause(RETRY_MS, signal);
      }
      return left() > 0;
    },
  };
}
