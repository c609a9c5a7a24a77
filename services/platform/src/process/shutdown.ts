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

/** What a step may take beyond the deadline: to close what the deadline cut. */
const CLOSING_MS = 1000;

/**
 * Goes down in order on SIGTERM and SIGINT: stops taking work, finishes what is open, closes. A step that fails or is
 * late is logged and the next one runs; all share one deadline. A second signal ends the wait at once.
 */
export function createShutdown({ log, graceSeconds, now }: ShutdownOptions): Shutdown {
  const steps: { readonly name: string; readonly step: DrainStep }[] = [];
  let draining = false;
  const cut = new AbortController();
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const run = async (reason: string): Promise<void> => {
    const deadline = now() + graceSeconds * 1000;
    log.notice('info', 'draining', `draining: ${reason}`);
    for (const { name, step } of steps.toReversed()) {
      try {
        await within(Math.max(0, deadline - now()) + CLOSING_MS, step(deadline), cut.signal);
      } catch (error) {
        if (cut.signal.aborted) return;
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
  const onSignal = (signal: NodeJS.Signals): void => {
    if (draining) {
      log.notice('warning', 'cut-short', `stopped at once: a second signal, ${signal}`);
      cut.abort();
      finish();
    } else begin(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return { add: (name, step) => steps.push({ name, step }), finished, isDraining: () => draining, begin };
}

/** Waits for the work, at most so long and not beyond the abort; rejects when it is late. */
async function within(milliseconds: number, work: Promise<void>, signal: AbortSignal): Promise<void> {
  const late = Promise.withResolvers<never>();
  const stop = (): void => late.reject(new Error('it took too long'));
  const timer = setTimeout(stop, milliseconds);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
