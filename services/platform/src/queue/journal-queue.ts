import type { JournalCopy } from '@tdc/core';
import { Queue } from 'bullmq';
import { withDeadline } from '../process/waiting.ts';
import type { RedisClient } from '../redis/connect.ts';
import { SHORT_BODY_BYTES } from '../spool/spool.ts';
import { EVENT_STREAM_LENGTH, JOB_NAME, jobIdOf, QUEUE_NAME } from './bullmq-settings.ts';
import type { JournalQueue, QueuedCopies } from './ports.ts';

export interface JournalQueueOptions {
  readonly prefix: string;
  readonly onError: (message: string) => void;
  /** Deadline of one call, seconds; 5 by default. */
  readonly timeoutSeconds?: number;
}

/**
 * The sending side, over a connection of the `command` role. Rejects when Redis does not answer in time, for a queue
 * that was born without Redis never recovers: call again when the connection is ready. From then on it follows the
 * connection through every outage.
 */
export async function createJournalQueue(
  redis: RedisClient,
  options: JournalQueueOptions,
): Promise<JournalQueue> {
  const queue = new Queue<QueuedCopies>(QUEUE_NAME, {
    connection: redis,
    prefix: options.prefix,
    streams: { events: { maxLen: EVENT_STREAM_LENGTH } },
  });
  queue.on('error', (error) => options.onError(error.message));
  const timeoutMs = (options.timeoutSeconds ?? 5) * 1000;
  const within = <T>(call: Promise<T>): Promise<T> =>
    withDeadline(call, timeoutMs, `Redis did not answer within ${timeoutMs} ms`);
  try {
    await within(queue.waitUntilReady());
  } catch (error) {
    await queue.close();
    throw error;
  }

  return {
    async add(groups) {
      const jobs = groups.flatMap(toJob);
      const [only] = jobs;
      if (jobs.length === 1 && only !== undefined) await within(queue.add(only.name, only.data, only.opts));
      else if (jobs.length > 1) await within(queue.addBulk(jobs));
    },
    find: async (first) => (await within(queue.getJob(jobIdOf(first))))?.data,
    async remove(first) {
      const id = jobIdOf(first);
      if ((await within(queue.getJob(id))) === undefined) return 'missing';
      // A job that a worker holds cannot be removed: the worker finds the outcome recorded and drops it itself.
      return (await within(queue.remove(id))) === 1 ? 'removed' : 'held';
    },
    async depth() {
      const counts = await within(queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized'));
      const { waiting = 0, prioritized = 0, active = 0, delayed = 0 } = counts;
      return { waiting: waiting + prioritized, active, delayed };
    },
    close: () => queue.close(),
  };
}

/** The job of copies; none where there are none. */
function toJob(
  copies: readonly JournalCopy[],
): { name: string; data: QueuedCopies; opts: { jobId: string } }[] {
  const [first] = copies;
  if (first === undefined) return [];
  const expiresAt = Math.max(...copies.map((copy) => copy.expiresAt));
  const short = copies.every(({ sizeBytes }) => sizeBytes <= SHORT_BODY_BYTES);
  const data = { mids: copies.map(({ mid }) => mid), short, expiresAt };
  return [{ name: JOB_NAME, data, opts: { jobId: jobIdOf(first.mid) } }];
}
