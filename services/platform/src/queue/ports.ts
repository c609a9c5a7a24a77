import type { JournalCopy, Mid } from '@tdc/core';

/** Jobs by state, over all workers. */
export interface QueueDepth {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
}

/** The sending side of `the.tdc.queue`. */
export interface JournalQueue {
  /**
   * Adds one job per copy; adding a MID that is queued already changes nothing. Rejects when Redis does not answer in
   * time: some jobs may then be there, or come to be there yet.
   */
  add(copies: readonly JournalCopy[]): Promise<void>;
  /** Whether a job for this MID exists, in whatever state. */
  has(mid: Mid): Promise<boolean>;
  /** Removes the job unless a worker holds it. */
  remove(mid: Mid): Promise<'removed' | 'held' | 'missing'>;
  depth(): Promise<QueueDepth>;
  /** Of the delayed jobs, those that are to be handed out again by then; ms since the epoch. */
  dueBy(at: number): Promise<number>;
  close(): Promise<void>;
}

/** What the queue is to do with a job whose handler has returned. */
export type JobDisposition =
  | { readonly kind: 'done' }
  /** Hand it out again at this time, ms since the epoch. Never counts as an attempt of the queue's own. */
  | { readonly kind: 'retry-at'; readonly at: number };

export interface JournalQueueWorker {
  /** How many jobs are handled at once from now on. */
  setConcurrency(jobs: number): void;
  /** Jobs that this worker is handling at the moment. */
  runningJobs(): number;
  /** When Redis last answered a request for jobs, ms since the epoch: the progress that liveness looks at. */
  lastProgressAt(): number;
  /**
   * Takes no more jobs and waits for the running ones. At `deadline` (ms since the epoch) their signals abort; a handler
   * that has not answered half a second later is left, and its job put back.
   */
  drain(deadline: number): Promise<void>;
}
