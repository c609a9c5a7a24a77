import { afterEach, beforeEach } from 'node:test';
import {
  createJournalQueue,
  createJournalQueueWorker,
  createRedisKeys,
  type JobHandler,
  type JournalQueue,
  type JournalQueueWorker,
  type JournalQueueWorkerOptions,
  type RedisClient,
} from '@tdc/platform';
import type { RedisOfFile } from './use-redis.ts';

/** Times of BullMQ's that let a test see a dead worker's job come back. */
export const QUICK_LOCKS = { lockMs: 500, stalledCheckMs: 200 } as const;

/** The queue of one test file, and workers that are gone after each test. */
export interface QueueOfFile {
  readonly queue: JournalQueue;
  /** What queue and workers complained of in this test. */
  readonly errors: string[];
  /** Starts a worker; its connection is its own unless one is given. */
  startWorker(
    handler: JobHandler,
    changes?: Partial<JournalQueueWorkerOptions>,
    client?: RedisClient,
  ): JournalQueueWorker;
}

/** Opens the queue before each test; to be called once, behind {@link useRedis}. */
export function useJournalQueue(redis: RedisOfFile): QueueOfFile {
  const { prefix } = createRedisKeys();
  const errors: string[] = [];
  const onError = (message: string) => errors.push(message);
  let queue: JournalQueue | undefined;
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
  return {
    get queue() {
      if (queue === undefined) throw new Error('the queue is open within a test');
      return queue;
    },
    errors,
    startWorker(handler, changes = {}, client = redis.open({ role: 'blocking' })) {
      const worker = createJournalQueueWorker(client, {
        prefix,
        handler,
        concurrency: 1,
        now: Date.now,
        onError,
        waitingJobs: async () => 0,
        ...changes,
      });
      workers.push(worker);
      return worker;
    },
  };
}
