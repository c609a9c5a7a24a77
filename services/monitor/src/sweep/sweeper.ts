import { pause } from '@tdc/platform';
import type { SweepPace } from './sweep.ts';

/** Sweeps at a fixed pace until it is stopped; one sweep at a time. */
export interface Sweeper {
  /** When a batch of a sweep last came to its end, with or without Redis; ms since the epoch. */
  lastProgressAt(): number;
  /** Resolves when the batch under way has come to its end. */
  stop(): Promise<void>;
}

export interface SweeperOptions {
  /** Must not reject. */
  readonly sweep: (pace: SweepPace) => Promise<void>;
  readonly everyMs: number;
  readonly now: () => number;
}

/** Starts at once: what expired while no monitor ran has waited long enough. */
export function startSweeper({ sweep, everyMs, now }: SweeperOptions): Sweeper {
  const stopping = new AbortController();
  const { signal } = stopping;
  let progressAt = now();
  const pace: SweepPace = {
    progressed: () => {
      progressAt = now();
    },
    stopping: signal,
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const startedAt = now();
      await sweep(pace);
      await pause(Math.max(0, startedAt + everyMs - now()), signal);
    }
  };
  const running = run();
  return {
    lastProgressAt: () => progressAt,
    stop() {
      stopping.abort();
      return running;
    },
  };
}
