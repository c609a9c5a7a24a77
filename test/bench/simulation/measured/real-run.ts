import { hash } from 'node:crypto';
import { DEFAULT_MESSAGES_PER_CONNECTION, MAX_QUEUE_AGE_SECONDS, toMid } from '@tdc/core';
import {
  closeRedis,
  connectRedis,
  createJournalQueue,
  createLedger,
  groupEnqueue,
  type RedisClient,
  whenRedisReady,
} from '@tdc/platform';
import { loadDeliveryConfig } from '../../../../services/delivery/src/config.ts';
import { createDeliverJob } from '../../../../services/delivery/src/copy/deliver-job.ts';
import { Destinations } from '../../../../services/delivery/src/destination/destinations.ts';
import type { DestinationPorts } from '../../../../services/delivery/src/ports.ts';
import { openStorage, type RedisStorage } from '../../../../services/delivery/src/storage.ts';
import { startRedisServer } from '../../../support/redis-server.ts';
import { silentLog } from '../../../support/remembering-log.ts';
import { sampleCopy } from '../../../support/sample-copy.ts';
import { unobserved } from '../../../support/unobserved-copies.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { percentile } from '../../statistics.ts';
import { createPeer, SETUP_SECONDS } from '../destination-peer.ts';
import { createRandom } from '../random.ts';
import { CONSTANTS, DELIVERY } from '../rules.ts';
import type { Scenario } from '../scenario.ts';
import { keys } from './ground.ts';
import { usageOfEach } from './redis-usage.ts';

/** A steady load, and how many processes carry it. */
export type Load = Pick<
  Scenario,
  'processes' | 'ceiling' | 'minConnections' | 'secondsPerCopy' | 'rate' | 'seconds' | 'fromSecond'
>;

/** What a load came to: from the second on that it is counted from. */
export interface Figures {
  /** Mean number of places that were taken under the ceiling. */
  readonly connections: number;
  /** Seconds from commit to outcome. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly copiesPerSecond: number;
  readonly commandsPerSecond: number;
}

const SEED = 1;
const LOOK_MS = 100;
const READY_MS = 10_000;
const EMPTY_SHA256 = hash('sha256', '', 'hex');
const NOTHING = Buffer.alloc(0);

/**
 * The same load in real time, on a real Redis and BullMQ's queue, with the simulated destination: what a simulation is worth
 * shows beside it. All processes are this one.
 */
export async function runForReal(load: Load): Promise<Figures> {
  const server = await startRedisServer();
  const redis = connectRedis(server.url, { role: 'command' });
  await whenRedisReady(redis, AbortSignal.timeout(READY_MS));
  const latencies: number[] = [];
  const deliveries = [];
  for (let nth = 0; nth < load.processes; nth += 1)
    deliveries.push(await startDelivery(server.url, load, { nth, delivered: (s) => latencies.push(s) }));
  const stopMail = await startMail(redis, load);
  try {
    const startedAt = Date.now();
    await reached(startedAt + load.fromSecond * 1000);
    latencies.length = 0;
    const looks: number[] = [];
    const looking = setInterval(
      () => void redis.zcard(keys.connections('primary')).then((n) => looks.push(n)),
      LOOK_MS,
    );
    const seconds = load.seconds - load.fromSecond;
    const { commands } = await usageOfEach({ redis, idleShare: 0 }, seconds, () =>
      reached(startedAt + load.seconds * 1000),
    );
    clearInterval(looking);
    const sorted = Float64Array.from(latencies).sort();
    return {
      connections: looks.reduce((sum, one) => sum + one, 0) / looks.length,
      p50: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99),
      copiesPerSecond: sorted.length / seconds,
      commandsPerSecond: commands - 1000 / LOOK_MS,
    };
  } finally {
    stopMail();
    await Promise.all(deliveries.map((stop) => stop()));
    await closeRedis(redis);
    await server.remove();
  }
}

const reached = (at: number): Promise<unknown> =>
  waitUntil(() => Date.now() >= at, { withinSeconds: (at - Date.now()) / 1000 + 10 });

const ignore = (): void => undefined;

/** One process that delivers; answers how to end it. */
async function startDelivery(
  url: string,
  load: Load,
  { nth, delivered }: { readonly nth: number; readonly delivered: (seconds: number) => void },
): Promise<() => Promise<unknown>> {
  const { signal } = new AbortController();
  const options = { worker: `process-${nth}`, log: silentLog, now: Date.now, signal, unhandled: ignore };
  const storage = await openStorage(loadDeliveryConfig({ TDC_REDIS_URL: url }), options);
  if (storage === undefined) throw new Error('Redis did not come up');
  let setCapacity: (copies: number) => void = ignore;
  const destinations = new Destinations({
    ports: portsOf(storage, load),
    rules: {
      minConnections: load.minConnections,
      idleMs: DELIVERY.idleSeconds * 1000,
      probeMs: DELIVERY.probeSeconds * 1000,
    },
    load: storage.load,
    setCapacity: (copies) => setCapacity(copies),
    maxCopies: DELIVERY.maxJobs,
  });
  const { ledger, spool } = storage;
  const deliverJob = createDeliverJob(
    {
      ledger,
      spool,
      acquire: (copy, aborted, along) => destinations.acquire(copy, aborted, along),
      log: ignore,
      observe: { ...unobserved, delivered: (_copy, seconds) => delivered(seconds) },
      now: Date.now,
      offsetMinutes: () => 0,
    },
    { retryDelaySeconds: DELIVERY.retryDelaySeconds, finalReplyMs: DELIVERY.finalReplySeconds * 1000 },
  );
  const worker = storage.startWorker(deliverJob, CONSTANTS.FIRST_CAPACITY);
  setCapacity = (copies) => worker.setCapacity(copies);
  return async () => {
    destinations.close();
    await worker.drain(Date.now());
    await storage.close();
  };
}

/** The shared state is real, the destination is not. */
function portsOf(storage: RedisStorage, { ceiling, secondsPerCopy }: Load): DestinationPorts {
  const limits = { connections: ceiling, messagesPerConnection: DEFAULT_MESSAGES_PER_CONNECTION.journal };
  return {
    resolve: async () => ({
      kind: 'resolved',
      candidates: [{ address: '192.0.2.2', hostName: 'mx.example', preference: 0 }],
      mxRecords: [],
    }),
    open: createPeer({ secondsPerCopy, setupSeconds: SETUP_SECONDS }, ignore),
    ceiling: storage.ceiling,
    nextDcid: () => storage.nextDcid(),
    carriage: () => ({ tls: { verify: true, maxVersion: 'TLSv1.3' }, limits }),
    log: ignore,
    observe: { opened: ignore, failed: ignore, closed: ignore },
    saveHost: (intake, state) => storage.saveHost(intake, state),
    now: Date.now,
  };
}

/** Mail at random times, over as many processes that take it; answers how to end it. */
async function startMail(redis: RedisClient, { processes, rate }: Load): Promise<() => void> {
  const random = createRandom(SEED);
  const intakes = await Promise.all(
    Array.from({ length: processes }, async () => {
      const queue = await createJournalQueue(redis, { prefix: keys.prefix, onError: () => undefined });
      const ledger = createLedger(redis, keys, { now: Date.now, trackingHours: 24, bodySeconds: 180 });
      return { ledger, enqueue: groupEnqueue(queue, () => ledger.nextCommits()) };
    }),
  );
  let last = 0;
  const accept = async (): Promise<void> => {
    const intake = intakes[Math.floor(random() * intakes.length)];
    last += 1;
    const enqueuedAt = Date.now();
    const copy = sampleCopy(last, {
      mid: toMid(last),
      sizeBytes: 0,
      sha256: EMPTY_SHA256,
      enqueuedAt,
      expiresAt: enqueuedAt + MAX_QUEUE_AGE_SECONDS * 1000,
    });
    await intake?.ledger.commit({ enqueue: [copy], skipped: [] }, NOTHING);
    await intake?.enqueue([copy]);
    await intake?.ledger.confirmQueued([copy.mid]);
  };
  let due = Date.now();
  let next: NodeJS.Timeout;
  const schedule = (): void => {
    due += (-Math.log(1 - random()) * 1000) / rate;
    next = setTimeout(
      () => {
        void accept();
        schedule();
      },
      Math.max(0, due - Date.now()),
    );
  };
  schedule();
  return () => clearTimeout(next);
}
