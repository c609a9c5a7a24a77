import { activeRecipients, type Dcid, type HostState, toDcid } from '@tdc/core';
import {
  createConnectionCeiling,
  createHostStore,
  createIdSequence,
  createJournalQueue,
  createJournalQueueWorker,
  createLedger,
  createRedisKeys,
  createRedisLink,
  createSpool,
  type JobHandler,
  type JournalQueueWorker,
  type Ledger,
  type Logger,
  type Spool,
  type UnhandledReason,
} from '@tdc/platform';
import type { DeliveryConfig } from './config.ts';
import type { LoadSource } from './destination/destinations.ts';
import type { Ceiling } from './ports.ts';

/** Everything of delivery that lives in Redis. */
export interface RedisStorage {
  readonly ledger: Ledger;
  readonly spool: Spool;
  readonly ceiling: Ceiling;
  readonly load: LoadSource;
  nextDcid(): Dcid | undefined;
  /** Adds to what is known of a host. */
  saveHost(intake: string, change: Partial<HostState>): void;
  /** Begins to take jobs. */
  startWorker(handler: JobHandler, capacity: number): JournalQueueWorker;
  close(): Promise<void>;
}

const RENEW_MS = 4_000;
/** Only used by whoever writes bodies. */
const UNUSED_TTL_SECONDS = 1;

/**
 * Opens the stores; waits for Redis as long as it takes, or until the abort (then undefined). Rejects with ConfigError
 * when Redis is not fit.
 */
export async function openStorage(
  config: DeliveryConfig,
  options: {
    readonly worker: string;
    readonly log: Logger;
    readonly now: () => number;
    readonly signal: AbortSignal;
    /** Counts a job that could not be handled. */
    readonly unhandled: (reason: UnhandledReason) => void;
  },
): Promise<RedisStorage | undefined> {
  const { log, now, signal, unhandled } = options;
  const keys = createRedisKeys(config.redis.keyPrefix);
  const commands = createRedisLink(config.redis, { role: 'command', log });
  const bodies = createRedisLink(config.redis, { role: 'command', log, silent: true });
  const jobs = createRedisLink(config.redis, { role: 'blocking', log, silent: true });
  const links = [commands, bodies, jobs];
  const closeLinks = async () => void (await Promise.all(links.map((link) => link.close())));
  const dcids = createIdSequence(commands.client, keys.sequence('dcid'));
  if (!(await commands.whenUsable(signal)) || !(await dcids.ready(signal))) {
    await closeLinks();
    return undefined;
  }
  const onError = (message: string) => log.notice('debug', 'queue-error', message);
  const queue = await createJournalQueue(commands.client, { prefix: keys.prefix, onError });
  let worker: JournalQueueWorker | undefined;
  const ledger = createLedger(commands.client, keys, {
    now,
    trackingHours: config.trackingHours,
    copiesInHand: () => worker?.copiesInHand() ?? 0,
  });
  const leases = createConnectionCeiling(commands.client, keys, { worker: options.worker, now });
  const hosts = createHostStore(commands.client, keys);
  const renewal = setInterval(() => void leases.renew().catch(() => undefined), RENEW_MS);

  return {
    ledger,
    spool: createSpool(bodies.client, keys, { ttlSeconds: UNUSED_TTL_SECONDS }),
    ceiling: {
      acquire: (intake, dcid, limit) => leases.acquire(intake, dcid, limit).catch(() => false),
      release: (intake, dcid) => leases.release(intake, dcid).catch(() => undefined),
      served: (intake) => void leases.served(intake)?.catch(() => undefined),
      servesOthers: (intake) => leases.servesOthers(intake).catch(() => false),
    },
    load: {
      async activeRecipients() {
        const { intakes } = await ledger.counters();
        return Object.fromEntries(Object.entries(intakes).map(([alias, c]) => [alias, activeRecipients(c)]));
      },
      workers: (intake) => leases.workers(intake),
    },
    nextDcid() {
      const value = dcids.next();
      return value === undefined ? undefined : toDcid(value);
    },
    // Worth showing, not worth waiting for.
    saveHost: (intake, change) => void hosts.save(intake, change).catch(() => undefined),
    startWorker(handler, capacity) {
      worker = createJournalQueueWorker(jobs.client, {
        prefix: keys.prefix,
        handler,
        capacity,
        now,
        onError,
        onUnhandled(message, reason) {
          log.notice('warning', 'job-unhandled', message);
          unhandled(reason);
        },
        waitingJobs: async () => (await queue.depth()).waiting,
      });
      return worker;
    },
    async close() {
      clearInterval(renewal);
      await queue.close().catch(() => undefined);
      await closeLinks();
    },
  };
}
