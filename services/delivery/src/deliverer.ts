import { localOffsetMinutes, type ServiceContext, withDeadline } from '@tdc/platform';
import type { Carriages } from './carriage.ts';
import type { DeliveryConfig } from './config.ts';
import { createDeliverJob } from './copy/deliver-job.ts';
import { Destinations } from './destination/destinations.ts';
import { createResolveDestination } from './destination/resolve-destination.ts';
import type { DelivererState, DeliveryMetrics } from './metrics.ts';
import { createOpenTo } from './open-to.ts';
import type { RedisStorage } from './storage.ts';

/** The parts that carry copies, put together and at work. */
export interface Deliverer extends DelivererState {
  /** Takes no more copies, finishes those that are under way until the deadline, hands back the rest. */
  drain(deadline: number): Promise<void>;
}

/** Before anything is known of the queue. */
const FIRST_CAPACITY = 8;
/** What peers may take to answer QUIT. A connection whose copy is left behind is not waited for longer either. */
const FAREWELL_MS = 750;

export interface DelivererParts {
  readonly storage: RedisStorage;
  readonly carriages: Carriages;
  readonly meters: DeliveryMetrics;
}

/** Begins to take copies from the queue. */
export function startDeliverer(
  { config, log, now }: Pick<ServiceContext<DeliveryConfig>, 'config' | 'log' | 'now'>,
  { storage, carriages, meters }: DelivererParts,
): Deliverer {
  let setCapacity: (copies: number) => void = () => undefined;
  const destinations = new Destinations({
    ports: {
      resolve: createResolveDestination({ servers: config.dnsServers, random: Math.random, now }),
      open: createOpenTo(config),
      ceiling: storage.ceiling,
      nextDcid: () => storage.nextDcid(),
      carriage: (route) => carriages.of(route),
      log: (event) => log.log(event),
      observe: meters.connections,
      saveHost: (intake, state) => storage.saveHost(intake, state),
      now,
    },
    rules: {
      minConnections: config.minConnections,
      idleMs: config.idleSeconds * 1000,
      probeMs: config.probeSeconds * 1000,
    },
    load: storage.load,
    setCapacity: (copies) => setCapacity(copies),
    maxCopies: config.maxJobs,
  });
  const deliverJob = createDeliverJob(
    {
      ledger: storage.ledger,
      spool: storage.spool,
      acquire: (copy, signal, along) => destinations.acquire(copy, signal, along),
      log: (event) => log.log(event),
      observe: { ...meters.copies, failed: (copy, failure) => destinations.refused(copy, failure) },
      now,
      offsetMinutes: localOffsetMinutes,
    },
    { retryDelaySeconds: config.retryDelaySeconds, finalReplyMs: config.finalReplySeconds * 1000 },
  );
  const jobs = storage.startWorker(deliverJob, FIRST_CAPACITY);
  setCapacity = (copies) => jobs.setCapacity(copies);
  return {
    openConnections: () => destinations.openConnections,
    waitingCopies: () => destinations.waitingCopies,
    copiesInHand: () => jobs.copiesInHand(),
    lastProgressAt: () => jobs.lastProgressAt(),
    async drain(deadline) {
      destinations.close();
      await jobs.drain(deadline);
      await withDeadline(destinations.whenEmpty(), FAREWELL_MS, 'no farewell').catch(() => undefined);
    },
  };
}
