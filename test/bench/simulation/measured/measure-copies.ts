import type { JournalCopy, Mid } from '@tdc/core';
import { createJournalQueueWorker, type JobDisposition, pause, type RedisClient } from '@tdc/platform';
import { waitUntil } from '../../../support/wait-until.ts';
import { DELIVERED, type Ground, keys } from './ground.ts';
import { memoryUsed, type Usage, usageOfEach } from './redis-usage.ts';

/** What is asked of Redis for a copy, from the end of its message to its outcome; each call serves several copies. */
export const COPY_STEPS = ['commit', 'add', 'confirm', 'begin', 'giveBack', 'finish', 'handle'] as const;
export type CopyStep = (typeof COPY_STEPS)[number];

/** How much is measured: `calls` of each step with `size` copies of `bodyBytes`. */
export interface CopyRun {
  readonly size: number;
  readonly calls: number;
  readonly bodyBytes: number;
}

const midsOf = (copies: readonly JournalCopy[]): readonly Mid[] => copies.map(({ mid }) => mid);

async function eachInTurn<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) await act(item);
}

/** Calls and octets of Redis, per call, for each step of copies that are handled in groups of one size. */
export async function measureCopies(
  ground: Ground,
  blocking: () => RedisClient,
  { size, calls, bodyBytes }: CopyRun,
): Promise<Readonly<Record<CopyStep, Usage>>> {
  const { ledger, queue } = ground;
  const jobs = Array.from({ length: calls }, () => ground.copies(size, bodyBytes));
  const body = Buffer.alloc(bodyBytes, 'a');
  const step = (act: (copies: readonly JournalCopy[]) => Promise<unknown>): Promise<Usage> =>
    usageOfEach(ground, calls, () => eachInTurn(jobs, act));
  const lease = Date.now() + 600_000;
  // Scripts are sent in full the first time.
  const warm = ground.copies(1, bodyBytes);
  await passThrough(ground, warm, body);

  const commit = await step((copies) =>
    Promise.all(copies.map((copy) => ledger.commit({ enqueue: [copy], skipped: [] }, body))),
  );
  const add = await step((copies) => queue.add([copies]));
  const confirm = await step((copies) => ledger.confirmQueued(midsOf(copies)));
  await step((copies) => ledger.beginAttempts(midsOf(copies), lease, true));
  const giveBack = await step((copies) => Promise.all(copies.map(({ mid }) => ledger.releaseAttempt(mid))));
  const begin = await step((copies) => ledger.beginAttempts(midsOf(copies), lease, true));
  const finish = await step((copies) => Promise.all(copies.map(({ mid }) => ledger.finish(mid, DELIVERED))));
  const handle = await usageOfEach(ground, calls, () => workOff(ground, blocking(), calls));
  return { commit, add, confirm, begin, giveBack, finish, handle };
}

async function passThrough(
  { ledger, queue }: Ground,
  copies: readonly JournalCopy[],
  body: Buffer,
): Promise<void> {
  const mids = midsOf(copies);
  for (const copy of copies) await ledger.commit({ enqueue: [copy], skipped: [] }, body);
  await queue.add([copies]);
  await ledger.beginAttempts(mids, Date.now());
  for (const mid of mids) await ledger.releaseAttempt(mid);
  for (const mid of mids) await ledger.finish(mid, DELIVERED);
  for (const mid of mids) await queue.remove(mid);
}

/** A worker that hands each job to `handle`, and what it has handled so far. */
function startWorker(
  blocking: RedisClient,
  handle: (nth: number) => JobDisposition | Promise<JobDisposition>,
) {
  let handled = 0;
  const worker = createJournalQueueWorker(blocking, {
    prefix: keys.prefix,
    capacity: 1000,
    now: Date.now,
    onError: () => undefined,
    onUnhandled: () => undefined,
    waitingJobs: async () => 0,
    handler: async () => {
      handled += 1;
      return handle(handled);
    },
  });
  return { worker, handled: () => handled };
}

const DONE: JobDisposition = { kind: 'done' };

/** Has a worker take every job there is, and do nothing with it. */
async function workOff({ queue }: Ground, blocking: RedisClient, jobs: number): Promise<void> {
  const { worker, handled } = startWorker(blocking, () => DONE);
  await waitUntil(() => handled() === jobs, { what: 'every job handled' });
  await worker.drain(Date.now() + 1000);
  const { active, waiting } = await queue.depth();
  if (active + waiting > 0) throw new Error(`${active + waiting} jobs were left`);
}

/** What one job costs that is put back once and done the second time, from when it is in the queue. */
export async function measurePutBacks(ground: Ground, blocking: RedisClient, jobs: number): Promise<Usage> {
  for (const copy of ground.copies(jobs, 0)) await ground.queue.add([[copy]]);
  return usageOfEach(ground, jobs, async () => {
    const putBack = (): JobDisposition => ({ kind: 'retry-at', at: Date.now() });
    const { worker, handled } = startWorker(blocking, (nth) => (nth <= jobs ? putBack() : DONE));
    await waitUntil(() => handled() === 2 * jobs, { what: 'every job handled twice' });
    await worker.drain(Date.now() + 1000);
  });
}

/** Long enough for a worker to look for another job, and to wait for one. */
const REST_MS = 5;

/**
 * What one job costs a worker that waited for it, from its adding on: it is woken, and looks for another in vain while it
 * has that one in hand.
 */
export async function measureLoneJobs(ground: Ground, blocking: RedisClient, jobs: number): Promise<Usage> {
  let woken: () => void = () => undefined;
  const { worker } = startWorker(blocking, async () => {
    await pause(REST_MS, new AbortController().signal);
    woken();
    return DONE;
  });
  const pass = (copies: readonly JournalCopy[]): Promise<void> =>
    eachInTurn(copies, async (copy) => {
      const handled = new Promise<void>((resolve) => {
        woken = resolve;
      });
      await ground.queue.add([[copy]]);
      await handled;
      await pause(REST_MS, new AbortController().signal);
    });
  try {
    await pass(ground.copies(1, 0));
    return await usageOfEach(ground, jobs, () => pass(ground.copies(jobs, 0)));
  } finally {
    await worker.drain(Date.now() + 1000);
  }
}

/** Octets that Redis needs for a copy, in its several states. */
export interface CopyMemory {
  /** Waiting: its account, its share of a job, its body. */
  readonly queued: number;
  /** With its outcome, for tracking. */
  readonly tracked: number;
}

/** Measured over `calls` jobs; see {@link CopyRun}. */
export async function measureMemory(
  ground: Ground,
  { size, calls, bodyBytes }: CopyRun,
): Promise<CopyMemory> {
  const { redis, ledger, queue } = ground;
  const body = Buffer.alloc(bodyBytes, 'a');
  const total = size * calls;
  const jobs = Array.from({ length: calls }, () => ground.copies(size, bodyBytes));
  const before = await memoryUsed(redis);
  await eachInTurn(jobs, async (copies) => {
    await Promise.all(copies.map((copy) => ledger.commit({ enqueue: [copy], skipped: [] }, body)));
    await queue.add([copies]);
  });
  const queued = await memoryUsed(redis);
  await eachInTurn(jobs, async (copies) => {
    await ledger.beginAttempts(midsOf(copies), Date.now());
    await Promise.all(copies.map(({ mid }) => ledger.finish(mid, DELIVERED)));
    const [first] = copies;
    if (first !== undefined) await queue.remove(first.mid);
  });
  await waitUntil(async () => (await redis.info('memory')).includes('lazyfree_pending_objects:0'), {
    what: 'Redis having freed what was removed',
  });
  const tracked = await memoryUsed(redis);
  return { queued: (queued - before) / total, tracked: (tracked - before) / total };
}
