import type { JournalCopy, Mid } from '@tdc/core';

/** Jobs by state, over all workers. */
export interface QueueDepth {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
}

/**
 * What a job holds: the MIDs of one copy or of several that go the same way, and nothing else of them. What is known of a
 * copy is in its record, which is handed out with the attempt.
 */
export interface QueuedCopies {
  readonly mids: readonly Mid[];
  /** Each of their messages is a short one, and may be fetched with all others. Jobs of an earlier build do not say it. */
  readonly short?: boolean;
  /** The latest deadline of these copies, ms since the epoch. */
  readonly expiresAt: number;
}

/** The sending side of `the.tdc.queue`. */
export interface JournalQueue {
  /**
   * Adds one job for each list of copies. A job is known by its first MID: adding one that is queued already changes
   * nothing. Rejects when Redis does not answer in time: some jobs may then be there, or come to be there yet.
   */
  add(jobs: readonly (readonly JournalCopy[])[]): Promise<void>;
  /** What the job of this first MID holds, in whatever state it is; undefined when there is none. */
  find(first: Mid): Promise<QueuedCopies | undefined>;
  /** Removes the job of this first MID unless a worker holds it. */
  remove(first: Mid): Promise<'removed' | 'held' | 'missing'>;
  depth(): Promise<QueueDepth>;
  close(): Promise<void>;
}

/** What the queue is to do with a job whose handler has returned. */
export type JobDisposition =
  | { readonly kind: 'done' }
  /** Hand it out again at this time, ms since the epoch. Never counts as an attempt of the queue's own. */
  | { readonly kind: 'retry-at'; readonly at: number };

export interface JournalQueueWorker {
  /** How many copies are in hand at once from now on: a worker that has fewer takes another job, of whatever size. */
  setCapacity(copies: number): void;
  /** Copies of the jobs that this worker is handling at the moment. */
  copiesInHand(): number;
  /** When Redis last answered a request for jobs, ms since the epoch: the progress that liveness looks at. */
  lastProgressAt(): number;
  /**
   * Takes no more jobs and waits for the running ones. At `deadline` (ms since the epoch) their signals abort; a handler
   * that has not answered half a second later is left, and its job put back.
   */
  drain(deadline: number): Promise<void>;
}
