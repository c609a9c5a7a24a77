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
 * Takes numbers from a Redis counter in blocks, the next one in the background when half of the last is used, so that
 * nobody waits for a number. A process that dies leaves a gap, never a double.
 */
export function createIdSequence(redis: RedisClient, key: string, block: number = DEFAULT_BLOCK): IdSequence {
  const ranges: { next: number; end: number }[] = [];
  let fetching: Promise<void> | undefined;
  const left = (): number => ranges.reduce((total, range) => total + range.end - range.next, 0);

  const fetch = (): Promise<void> => {
    fetching ??= redis
      .incrby(key, block)
      .then((last) => {
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

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
