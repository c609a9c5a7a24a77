import { afterEach, beforeEach } from 'node:test';
import type { JournalCopy, Mid } from '@tdc/core';
import {
  createJournalQueue,
  createJournalQueueWorker,
  createRedisKeys,
  type JobDisposition,
  type JobHandler,
  type JournalQueueWorker,
  type JournalQueueWorkerOptions,
  type JournalQueue as OfManyCopies,
  type RedisClient,
} from '@tdc/platform';
import type { RedisOfFile } from './use-redis.ts';

/** Times of BullMQ's that let a test see a dead worker's job come back. */
export const QUICK_LOCKS = { lockMs: 500, stalledCheckMs: 200 } as const;

/** The queue as tests of single copies see it: a job for each. */
export interface JournalQueue extends Omit<OfManyCopies, 'add'> {
  add(copies: readonly JournalCopy[]): Promise<void>;
  has(mid: Mid): Promise<boolean>;
}

/** The handler of a job with one copy. */
export type CopyHandler = (
  copy: { readonly mid: Mid; readonly expiresAt: number },
  signal: AbortSignal,
) => Promise<JobDisposition>;

/** Lets each copy be a job of its own. */
export const forEachCopy = (queue: OfManyCopies): JournalQueue => ({
  ...queue,
  add: (copies) => queue.add(copies.map((copy) => [copy])),
  has: async (mid) => (await queue.find(mid)) !== undefined,
});

/** The queue of one test file, and workers that are gone after each test. */
export interface QueueOfFile {
  readonly queue: JournalQueue;
  /** What queue and workers complained of in this test. */
  readonly errors: string[];
  /** The queue with jobs of any number of copies. */
  readonly jobs: OfManyCopies;
  /** Starts a worker that is handed whole jobs. */
  startJobWorker(handler: JobHandler, changes?: Partial<JournalQueueWorkerOptions>): JournalQueueWorker;
  /** Starts a worker of jobs of one copy; its connection is its own unless one is given. */
  startWorker(
    handler: CopyHandler,
    changes?: Partial<JournalQueueWorkerOptions>,
    client?: RedisClient,
  ): JournalQueueWorker;
}

/** Opens the queue before each test; to be called once, behind {@link useRedis}. */
export function useJournalQueue(redis: RedisOfFile): QueueOfFile {
  const { prefix } = createRedisKeys();
  const errors: string[] = [];
  const onError = (message: string) => errors.push(message);
  let queue: OfManyCopies | undefined;
  let workers: JournalQueueWorker[] = [];
  beforeEach(async () => {
    errors.length = 0;
    queue = await createJournalQueue(redis.client, { prefix, onError });
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.drain(Date.now())));
    workers = [];
    await queue?.close();
  });
  const opened = (): OfManyCopies => {
    if (queue === undefined) throw new Error('the queue is open within a test');
    return queue;
  };
  const start = (
    handler: JobHandler,
    changes: Partial<JournalQueueWorkerOptions>,
    client: RedisClient,
  ): JournalQueueWorker => {
    const worker = createJournalQueueWorker(client, {
      prefix,
      handler,
      capacity: 1,
      now: Date.now,
      onError,
      onUnhandled: onError,
      waitingJobs: async () => 0,
      ...changes,
    });
    workers.push(worker);
    return worker;
  };
  const connect = (): RedisClient => redis.open({ role: 'blocking' });
  return {
    get queue() {
      return forEachCopy(opened());
    },
    get jobs() {
      return opened();
    },
    errors,
    startJobWorker: (handler, changes = {}) => start(handler, changes, connect()),
    startWorker(handler, changes = {}, client = connect()) {
      const handleJob: JobHandler = ({ mids: [mid], expiresAt }, signal) => {
        if (mid === undefined) throw new Error('a job without a copy');
        return handler({ mid, expiresAt }, signal);
      };
      return start(handleJob, changes, client);
    },
  };
}
