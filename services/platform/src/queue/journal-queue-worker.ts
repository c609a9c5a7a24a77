import { DelayedError, type Job } from 'bullmq';
import { errorText } from '../process/error-text.ts';
import { isRedisReady, type RedisClient } from '../redis/connect.ts';
import { LOCK_MS, MAX_STALLED_COUNT, QUEUE_NAME, STALLED_CHECK_MS } from './bullmq-settings.ts';
import type { JobDisposition, JournalQueueWorker, QueuedCopies } from './ports.ts';
import { ThriftyWorker } from './thrifty-worker.ts';

/**
 * Handles one job. The signal aborts when the job was lost to another worker or the worker is draining: the handler
 * then gives up what it has not begun, and answers. It calls `settled` for each copy that it is done with while others of
 * the job are not: its room is for another.
 */
export type JobHandler = (
  copies: QueuedCopies,
  signal: AbortSignal,
  settled: () => void,
) => Promise<JobDisposition>;

/** Why a job was not handled: by a bug of ours, after which it comes back; or it is none, and is dropped. */
export type UnhandledReason = 'failed' | 'not-understood';

export interface JournalQueueWorkerOptions {
  readonly prefix: string;
  readonly handler: JobHandler;
  /** Copies in hand at once, to begin with. */
  readonly capacity: number;
  readonly now: () => number;
  /** The library complains, of its connection for the most part. */
  readonly onError: (message: string) => void;
  /** A job could not be handled. */
  readonly onUnhandled: (message: string, reason: UnhandledReason) => void;
  /** How many jobs wait, to tell an idle worker from a stuck one. */
  readonly waitingJobs: () => Promise<number>;
  readonly lockMs?: number;
  readonly stalledCheckMs?: number;
}

/** A job in its handler's hands. */
interface Handled {
  /** Aborts the handler's signal. */
  readonly giveUp: () => void;
  /** Puts the job back without the handler's answer. */
  readonly leave: () => void;
}

/** Jobs fetched before it is known what they hold: with room for a copy another is taken, whatever that is. */
const MAX_FETCHED = 1;
/** The copies of a job end together as a rule, and its end fetches the next in the same call: so long that is awaited. */
const LOOK_MS = 5;
/** After a bug in the handler the job comes back, but not at once. */
const AFTER_BUG_MS = 1000;
const PROGRESS_CHECK_MS = 5000;
/** What a draining worker's handlers have to answer once their signals aborted, and what putting a job back takes. */
const FAREWELL_MS = 500;
const PUT_BACK_MS = 250;

/** The draining side: hands out jobs and does with them what the handler answers. The connection is of role `blocking`. */
export function createJournalQueueWorker(
  redis: RedisClient,
  options: JournalQueueWorkerOptions,
): JournalQueueWorker {
  const { handler, now, onError, onUnhandled } = options;
  /** What is handled, each to be told when the worker drains, and when it leaves. */
  const handled = new Set<Handled>();
  let isDraining = false;
  let isLeaving = false;
  let progressAt = now();
  let capacity = options.capacity;
  let jobsInHand = 0;
  /** Handled in this turn of the event loop: the library is about to ask whether it may fetch others in their place. */
  let jobsEnding = 0;
  let copiesInHand = 0;

  const handle = async (
    job: Job<QueuedCopies>,
    cancelled: AbortSignal | undefined,
    settled: () => void,
  ): Promise<JobDisposition> => {
    // A signal of the job's own, which goes with it: what a handler leaves on a signal of the worker's would stay.
    const own = new AbortController();
    const answer = Promise.withResolvers<JobDisposition>();
    const one: Handled = { giveUp: () => own.abort(), leave: () => answer.resolve(putBack(0)) };
    handled.add(one);
    cancelled?.addEventListener('abort', one.giveUp);
    if (isDraining || cancelled?.aborted === true) one.giveUp();
    if (isLeaving) one.leave();
    try {
      handler(job.data, own.signal, settled).then(answer.resolve, answer.reject);
      return await answer.promise;
    } catch (error) {
      onUnhandled(`handling ${job.id ?? 'a job'} failed: ${errorText(error)}`, 'failed');
      return putBack(AFTER_BUG_MS);
    } finally {
      cancelled?.removeEventListener('abort', one.giveUp);
      handled.delete(one);
    }
  };
  const putBack = (afterMs: number): JobDisposition => ({ kind: 'retry-at', at: now() + afterMs });

  const drainNow = (): void => {
    isDraining = true;
    for (const one of handled) one.giveUp();
  };
  const leaveNow = (): void => {
    isLeaving = true;
    for (const one of handled) one.leave();
  };

  const ended = (): void => {
    jobsEnding -= 1;
    tune();
  };
  // BullMQ passes the signal only to a function that declares three parameters.
  const processor = async (
    job: Job<QueuedCopies>,
    token?: string,
    cancelled?: AbortSignal,
  ): Promise<void> => {
    progressAt = now();
    if (!holdsCopies(job.data)) {
      onUnhandled(`${job.id ?? 'a job'} holds nothing that is understood: dropped`, 'not-understood');
      return;
    }
    let copies = job.data.mids.length;
    jobsInHand += 1;
    copiesInHand += copies;
    tune();
    const settle = (count: number): void => {
      copies -= count;
      copiesInHand -= count;
      tune();
    };
    try {
      const disposition = await handle(job, cancelled, () => settle(Math.min(1, copies)));
      if (disposition.kind === 'done') return;
      await job.moveToDelayed(Math.max(disposition.at, now() + 1), token);
    } finally {
      jobsInHand -= 1;
      jobsEnding += 1;
      settle(copies);
      setImmediate(ended);
    }
    throw new DelayedError();
  };

  const worker = new ThriftyWorker<QueuedCopies>(QUEUE_NAME, processor, {
    connection: redis,
    prefix: options.prefix,
    concurrency: concurrency(),
    lockDuration: options.lockMs ?? LOCK_MS,
    stalledInterval: options.stalledCheckMs ?? STALLED_CHECK_MS,
    maxStalledCount: MAX_STALLED_COUNT,
    // Said here, and not with each job, whose options are written, read and parsed with it.
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });
  worker.on('error', (error) => onError(error.message));
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id);
  });
  const stopWatching = watchProgress();
  let isStopping = false;
  let isLooking = false;

  /** The library counts jobs, and fetches as many as it may before it hands out the first. */
  function concurrency(): number {
    const room = Math.max(0, capacity - copiesInHand);
    return Math.max(1, jobsInHand + Math.min(room, jobsEnding + MAX_FETCHED));
  }
  function tune(): void {
    const before = worker.concurrency;
    worker.concurrency = concurrency();
    if (worker.concurrency > before && jobsInHand > 0 && !isLooking) {
      isLooking = true;
      setTimeout(look, LOOK_MS);
    }
  }
  /** A busy worker looks for jobs only when one of its own has ended: one that ends at once makes it look. */
  function look(): void {
    isLooking = false;
    if (!isStopping && jobsInHand > 0 && copiesInHand < capacity)
      worker['mainLoopQueue']?.add(Promise.resolve(undefined));
  }

  function watchProgress(): () => void {
    const check = async (): Promise<void> => {
      // Redis away is no fault of this worker; neither is a queue without jobs, nor having its hands full.
      const waiting = await options.waitingJobs().catch(() => 0);
      if (waiting === 0 || copiesInHand >= capacity) progressAt = now();
    };
    const timer = setInterval(() => void check(), PROGRESS_CHECK_MS);
    timer.unref();
    return () => clearInterval(timer);
  }

  return {
    setCapacity(copies) {
      capacity = Math.max(1, copies);
      tune();
    },
    copiesInHand: () => copiesInHand,
    lastProgressAt: () => progressAt,
    async drain(deadline) {
      isStopping = true;
      stopWatching();
      const left = Math.max(0, deadline - now());
      const late = Promise.withResolvers<void>();
      const timers = [
        setTimeout(drainNow, left),
        setTimeout(leaveNow, left + FAREWELL_MS),
        setTimeout(late.resolve, left + FAREWELL_MS + PUT_BACK_MS),
      ];
      if (isRedisReady(redis)) await Promise.race([worker.close(), late.promise]);
      else {
        // Without Redis no job can be put back, and a polite close would take for ever.
        if (jobsInHand > 0) await late.promise;
        await worker.close(true);
      }
      timers.forEach(clearTimeout);
      // A close that waits for an answer which a Cluster's client has lost never comes to this: whoever has gone must not
      // renew locks, or keep its process alive for that.
      await worker['lockManager'].close();
    },
  };
}

/** Whether data from Redis are a job's: a build of another version, or anybody, may have put others there. */
function holdsCopies(data: unknown): data is QueuedCopies {
  const { mids, expiresAt } = (data ?? {}) as Partial<Record<keyof QueuedCopies, unknown>>;
  return Array.isArray(mids) && mids.every(Number.isSafeInteger) && Number.isFinite(expiresAt);
}
