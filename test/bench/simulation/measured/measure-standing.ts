import { toDcid } from '@tdc/core';
import {
  createHostStore,
  createIdSequence,
  createJournalQueueWorker,
  type RedisClient,
  redisMemory,
} from '@tdc/platform';
import { waitUntil } from '../../../support/wait-until.ts';
import { type Ground, keys } from './ground.ts';
import { type Usage, usageOfEach } from './redis-usage.ts';

/** What processes ask of Redis whether there are copies or not, and for connections. */
export const STANDING_STEPS = [
  'lookAtCounters',
  'acquireLease',
  'releaseLease',
  'tellServed',
  'saveHost',
  'takeIds',
  'lookAtMemory',
  'sweep',
] as const;
export type StandingStep = (typeof STANDING_STEPS)[number];

const INTAKE = 'primary';
const ID_BLOCK = 100;

async function times(count: number, act: (nth: number) => Promise<unknown>): Promise<void> {
  for (let nth = 1; nth <= count; nth += 1) await act(nth);
}

/** Per call, measured over `calls` of each. */
export async function measureStanding(
  ground: Ground,
  calls: number,
): Promise<Readonly<Record<StandingStep, Usage>>> {
  const { redis, ledger } = ground;
  const ceiling = ground.ceilingOf('delivery-7d9c5b8f6d-x2x8q-1-0f44e85a');
  const hosts = createHostStore(redis, keys);
  const each = (act: (nth: number) => Promise<unknown>): Promise<Usage> =>
    usageOfEach(ground, calls, () => times(calls, act));
  const ids = createIdSequence(redis, keys.sequence('dcid'), ID_BLOCK);
  await ids.ready(new AbortController().signal);
  const sweep = async (): Promise<void> => {
    await ledger.expired(Date.now(), 500);
    await ledger.orphans(Date.now(), 500);
    await ledger.trimTracking({ keepFrom: 0, maxCopies: 100_000 });
  };
  await sweep();
  return {
    lookAtCounters: await each(() => ledger.counters()),
    acquireLease: await each((nth) => ceiling.acquire(INTAKE, toDcid(nth), calls)),
    releaseLease: await each((nth) => ceiling.release(INTAKE, toDcid(nth))),
    // Each of another intake, for it is told of one once a second.
    tellServed: await each((nth) => Promise.resolve(ceiling.served(`${INTAKE}-${nth}`))),
    saveHost: await each(() => hosts.save(INTAKE, { up: true, lastActivityAt: Date.now() })),
    takeIds: await each(async () => {
      // As many as a block has: the next block comes in the background.
      for (let nth = 0; nth < ID_BLOCK; nth += 1) ids.next();
      await ids.ready(new AbortController().signal);
    }),
    lookAtMemory: await each(() => redisMemory(redis, keys)),
    sweep: await each(sweep),
  };
}

/** What depends on how many connections are open: counting the workers that hold them, and renewing one's own. */
export interface LeaseUsage {
  readonly countWorkers: Usage;
  readonly renew: Usage;
}

/** Per call, with so many leases in Redis, all of which the one who renews holds. */
export async function measureLeases(ground: Ground, leases: number, calls: number): Promise<LeaseUsage> {
  const ceiling = ground.ceilingOf('delivery-7d9c5b8f6d-x2x8q-1-0f44e85a');
  await times(leases, (nth) => ceiling.acquire(INTAKE, toDcid(nth), leases));
  const countWorkers = await usageOfEach(ground, calls, () => times(calls, () => ceiling.workers(INTAKE)));
  const renew = await usageOfEach(ground, calls, () => times(calls, () => ceiling.renew()));
  await times(leases, (nth) => ceiling.release(INTAKE, toDcid(nth)));
  return { countWorkers, renew };
}

/** What workers ask of Redis that hold a job, or wait for one, for each second of one worker. */
export async function measureWorkers(
  ground: Ground,
  open: () => RedisClient,
  { workers, seconds, jobs }: { readonly workers: number; readonly seconds: number; readonly jobs: number },
): Promise<Usage> {
  let held = 0;
  const end = Promise.withResolvers<{ readonly kind: 'done' }>();
  const all = Array.from({ length: workers }, () =>
    createJournalQueueWorker(open(), {
      prefix: keys.prefix,
      capacity: 20,
      now: Date.now,
      onError: () => undefined,
      onUnhandled: () => undefined,
      waitingJobs: async () => (await ground.queue.depth()).waiting,
      handler: () => {
        held += 1;
        return end.promise;
      },
    }),
  );
  await ground.queue.add(ground.copies(jobs, 0).map((copy) => [copy]));
  await waitUntil(() => held === jobs, { what: 'every job held' });
  const until = Date.now() + seconds * 1000;
  const usage = await usageOfEach(ground, workers * seconds, () =>
    waitUntil(() => Date.now() >= until, { withinSeconds: seconds + 10 }),
  );
  end.resolve({ kind: 'done' });
  await Promise.all(all.map((worker) => worker.drain(Date.now() + 1000)));
  return usage;
}
