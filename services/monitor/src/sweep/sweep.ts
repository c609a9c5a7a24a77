import { errorText } from '@tdc/platform';
import type { BatchEnd, SweepPorts } from '../ports.ts';
import { expireBatch } from './expire.ts';
import { requeueOrphans } from './requeue-orphans.ts';

/** What tracking remembers, at most. */
export interface TrackingBounds {
  readonly trackingHours: number;
  readonly trackingMaxCopies: number;
}

/** How a sweep is watched and ended before its end. */
export interface SweepPace {
  /** Called after each batch. */
  readonly progressed: () => void;
  readonly stopping: AbortSignal;
}

/**
 * One sweep: ends what has expired, queues what was lost, forgets what tracking need not know, each batch by batch until
 * nothing is left. A part that fails does not keep the others from their work; a sweep never rejects. Failures are
 * counted sweep by sweep and logged once, until a sweep went through.
 */
export function createSweep(ports: SweepPorts, bounds: TrackingBounds): (pace: SweepPace) => Promise<void> {
  const trim = async (): Promise<BatchEnd> => {
    const keepFrom = ports.now() - bounds.trackingHours * 3600 * 1000;
    const trimmed = await ports.ledger.trimTracking({ keepFrom, maxCopies: bounds.trackingMaxCopies });
    return trimmed > 0 ? 'more' : 'done';
  };
  const parts = [() => expireBatch(ports), () => requeueOrphans(ports), trim];
  let failing = false;

  return async ({ progressed, stopping }) => {
    const failures: string[] = [];
    for (const part of parts) {
      try {
        while (!stopping.aborted && (await part()) === 'more') progressed();
      } catch (error) {
        failures.push(errorText(error));
      }
      progressed();
    }
    const [first] = failures;
    if (first !== undefined) ports.observe.failed();
    if (first !== undefined && !failing) {
      ports.log({
        kind: 'notice',
        level: 'warning',
        name: 'sweep-failed',
        text: `the sweep failed: ${first}`,
      });
    }
    failing = first !== undefined;
  };
}
