import type { Logger } from './logger.ts';

/** One step of going down. `deadline` in ms since the epoch: what is not done by then is left. */
export type DrainStep = (deadline: number) => Promise<void>;

export interface Shutdown {
  /** Adds a step; steps run one after another, the last added first. */
  add(name: string, step: DrainStep): void;
  /** Resolves when the process was told to stop and every step has run. */
  readonly finished: Promise<void>;
  readonly isDraining: () => boolean;
  /** Starts going down, as a signal does. */
  begin(reason: string): void;
}

export interface ShutdownOptions {
  readonly log: Logger;
  readonly graceSeconds: number;
  readonly now: () => number;
}

/**
 * Goes down in order on SIGTERM and SIGINT: stops taking work, finishes what is open, closes. A step that fails is
 * logged and the next one runs; all share one deadline.
 */
export function createShutdown({ log, graceSeconds, now }: ShutdownOptions): Shutdown {
  const steps: { readonly name: string; readonly step: DrainStep }[] = [];
  let draining = false;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const run = async (reason: string): Promise<void> => {
    const deadline = now() + graceSeconds * 1000;
    log.notice('info', 'draining', `draining: ${reason}`);
    for (const { name, step } of steps.toReversed()) {
      const left = Math.max(0, deadline - now());
      try {
        await Promise.race([step(deadline), expiry(left + 1000)]);
      } catch (error) {
        log.notice('warning', 'drain-failed', `closing ${name} failed: ${String(error)}`);
      }
    }
    log.notice('info', 'stopped', 'stopped');
    finish();
  };

  const begin = (reason: string): void => {
    if (draining) return;
    draining = true;
    void run(reason);
  };
  process.on('SIGTERM', () => begin('SIGTERM'));
  process.on('SIGINT', () => begin('SIGINT'));
  return { add: (name, step) => steps.push({ name, step }), finished, isDraining: () => draining, begin };
}

/** Resolves after the time without keeping the process alive. */
function expiry(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
