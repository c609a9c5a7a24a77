import { ConfigError, type Logger } from '@tdc/platform';
import type { PolicyMetrics } from './metrics.ts';
import type { LoadResult, PolicyStore } from './policy-store.ts';
import type { Revision } from './ports.ts';

const RETRY_MS = 1000;

export interface KeepLoadedOptions {
  readonly store: PolicyStore;
  readonly log: Logger;
  readonly metrics: PolicyMetrics;
  readonly inForce: (revision: Revision) => void;
}

/** Loads the document at the start and after each change, one load at a time. */
export interface KeepLoaded {
  /**
   * The first load; resolves when a revision is in force. Rejects with ConfigError when the document is not valid.
   */
  first(): Promise<void>;
  changed(): void;
  stop(): void;
}

export function keepLoaded({ store, log, metrics, inForce }: KeepLoadedOptions): KeepLoaded {
  let retry: NodeJS.Timeout | undefined;
  let waitingForNumber = false;
  let queue: Promise<unknown> = Promise.resolve();
  const firstInForce = Promise.withResolvers<void>();

  const report = (result: LoadResult): void => {
    switch (result.kind) {
      case 'in-force': {
        const { revision, loadedAt } = result.revision;
        metrics.loads.inc({ result: 'valid' });
        metrics.revision.set(revision);
        metrics.documentValid.set(1);
        metrics.lastLoad.set(loadedAt / 1000);
        log.notice('info', 'policy-revision', `policy revision ${revision} is in force`, { revision });
        inForce(result.revision);
        firstInForce.resolve();
        break;
      }
      case 'unchanged':
        metrics.documentValid.set(1);
        if (result.mended) {
          const { revision } = result;
          log.notice('info', 'policy-mended', `the policy document is revision ${revision} again`, {
            revision,
          });
        }
        break;
      case 'refused':
        metrics.loads.inc({ result: 'invalid' });
        metrics.documentValid.set(0);
        for (const problem of result.problems) log.notice('critical', 'policy-refused', problem);
        break;
      case 'unnumbered':
        if (!waitingForNumber) {
          log.notice(
            'warning',
            'policy-unnumbered',
            `the policy has no revision number yet: ${result.reason}`,
          );
        }
        retry = setTimeout(() => changed(), RETRY_MS);
        break;
    }
    waitingForNumber = result.kind === 'unnumbered';
  };
  const load = async (): Promise<LoadResult> => {
    clearTimeout(retry);
    const result = await store.load();
    report(result);
    return result;
  };
  const enqueue = (): Promise<LoadResult> => {
    const loaded = queue.then(load);
    queue = loaded;
    return loaded;
  };
  const changed = (): void => void enqueue();
  return {
    async first() {
      const result = await enqueue();
      if (result.kind === 'refused' && store.current() === undefined) throw new ConfigError(result.problems);
      await firstInForce.promise;
    },
    changed,
    stop: () => clearTimeout(retry),
  };
}
