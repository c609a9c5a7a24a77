import type { SweepPorts } from '../ports.ts';
import { expireCopies } from './expire.ts';
import { requeueOrphans } from './requeue-orphans.ts';

export interface SweepRules {
  readonly sweepSeconds: number;
  readonly trackingHours: number;
  readonly trackingMaxCopies: number;
}

/** Sweeps at a fixed pace until it is stopped; one sweep at a time. */
export interface Sweeper {
  /** When a sweep last came to its end, with or without Redis; ms since the epoch. */
  lastProgressAt(): number;
  stop(): Promise<void>;
}

export function startSweeper(ports: SweepPorts, rules: SweepRules): Sweeper {
  let progressAt = ports.now();
  let running: Promise<void> = Promise.resolve();
  let busy = false;
  let failing = false;

  const sweep = async (): Promise<void> => {
    const { now, observe, ledger } = ports;
    try {
      observe.expired(await expireCopies(ports));
      observe.requeued(await requeueOrphans(ports));
      const keepFrom = now() - rules.trackingHours * 3600 * 1000;
      await ledger.trimTracking({ keepFrom, maxCopies: rules.trackingMaxCopies });
      failing = false;
    } catch (error) {
      observe.failed();
      if (!failing) {
        const text = `the sweep failed: ${error instanceof Error ? error.message : String(error)}`;
        ports.log({ kind: 'notice', level: 'warning', name: 'sweep-failed', text });
      }
      failing = true;
    }
    progressAt = now();
  };
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = sweep().finally(() => {
      busy = false;
    });
  }, rules.sweepSeconds * 1000);

  return {
    lastProgressAt: () => progressAt,
    stop() {
      clearInterval(timer);
      return running;
    },
  };
}
