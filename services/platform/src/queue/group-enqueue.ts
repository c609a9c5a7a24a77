import { type JournalCopy, wayOf } from '@tdc/core';
import { groupCalls } from '../redis/grouped-calls.ts';
import type { JournalQueue } from './ports.ts';

/** Copies in one job, at most: enough to make the job's own cost small, few enough for several workers to share a backlog. */
export const MAX_COPIES_PER_JOB = 20;
/** Octets of the originals of one job, at most: a worker has their beginnings in memory together. */
const MAX_BYTES_PER_JOB = 1024 * 1024;
const MAX_CALLS = 64;

/** Copies that go the same way, in lists of a job's size, each in the order in which they came. */
export function jobsOf(copies: readonly JournalCopy[]): readonly (readonly JournalCopy[])[] {
  const jobs: JournalCopy[][] = [];
  const open = new Map<string, { readonly job: JournalCopy[]; bytes: number }>();
  for (const copy of copies) {
    const way = wayOf(copy.route);
    let last = open.get(way);
    if (
      last === undefined ||
      last.job.length === MAX_COPIES_PER_JOB ||
      last.bytes + copy.sizeBytes > MAX_BYTES_PER_JOB
    ) {
      last = { job: [], bytes: 0 };
      open.set(way, last);
      jobs.push(last.job);
    }
    last.job.push(copy);
    last.bytes += copy.sizeBytes;
  }
  return jobs;
}

/**
 * Queues copies so that those which are added at once, and go the same way, share a job: what a job costs beside its
 * copies is most of what a queue of small messages costs. A lone copy has a job of its own, at once; where `company` names
 * what brings others, the first waits for that, once.
 */
export function groupEnqueue(
  queue: Pick<JournalQueue, 'add'>,
  company?: () => Promise<void> | undefined,
): (copies: readonly JournalCopy[]) => Promise<void> {
  return groupCalls<readonly JournalCopy[], void>(
    async (calls) => {
      await queue.add(jobsOf(calls.flat()));
      return [];
    },
    { maxItems: MAX_CALLS, ...(company && { company }) },
  );
}
