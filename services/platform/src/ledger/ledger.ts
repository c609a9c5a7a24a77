import type {
  Dcid,
  HardBounceReason,
  JournalCopy,
  Mid,
  QueueCounters,
  SkipReason,
  SoftBounceReason,
} from '@tdc/core';

/** What was decided about one received message, all of its splinters together. */
export interface Decision {
  readonly enqueue: readonly JournalCopy[];
  readonly skipped: readonly SkipReason[];
}

/** The last word about one copy. Recorded once per MID, whoever says it first. */
export type FinalOutcome =
  | { readonly kind: 'delivered'; readonly dcid: Dcid; readonly response: string }
  | {
      readonly kind: 'hard-bounced';
      readonly dcid: Dcid;
      readonly reason: HardBounceReason;
      readonly response: string;
    }
  | { readonly kind: 'deleted' };

export type AttemptTicket =
  /** Go ahead with this copy. */
  | {
      readonly kind: 'go';
      readonly copy: JournalCopy;
      /** How many attempts have failed so far. */
      readonly finishedAttempts: number;
      /** The spooled message, unchecked, where it was asked for; undefined when it was not, or is gone. */
      readonly body: Buffer | undefined;
    }
  /** The copy has its outcome already (a repeated job): nothing is left to do. */
  | { readonly kind: 'finished' }
  /** A failed attempt must not be repeated before this time, ms since the epoch. */
  | { readonly kind: 'later'; readonly at: number };

/** Where the copies without an outcome are, over all workers. */
export interface ActiveCopies {
  /** For any worker to take. */
  readonly waiting: number;
  /** Being attempted, or waiting for a connection. */
  readonly attempting: number;
  /** Waiting for the time of another attempt. */
  readonly delayed: number;
  /** Of the delayed ones, those whose time comes soon. */
  readonly dueSoon: number;
}

export type CopyState = 'unattempted' | 'attempted' | 'delivered' | 'hard-bounced' | 'deleted';

/** What tracking shows of one copy. */
export interface TrackedCopy {
  readonly mid: Mid;
  readonly state: CopyState;
  readonly messageIdHeader: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly policy: string;
  readonly policyRevision: number;
  readonly intake: string;
  readonly intakeAddress: string;
  readonly journalId: string;
  readonly sizeBytes: number;
  readonly enqueuedAt: number;
  readonly expiresAt: number;
  readonly finishedAttempts: number;
  /** DCID of the last attempt, 0 when none. */
  readonly lastDcid: Dcid;
  /** Reason of the last soft or hard bounce, '' when there was none. */
  readonly lastReason: string;
  /** The peer's last answer, or our words for what went wrong. */
  readonly lastResponse: string;
  /** Milliseconds since the epoch; absent while active. */
  readonly finishedAt?: number;
}

/**
 * The durable account of every copy, in Redis, apart from the queue that carries the jobs. Each method is one atomic
 * script, so counters, tracking and the set of active copies always agree, whichever process is killed when.
 */
export interface Ledger {
  /**
   * Counts the message as seen, its splinters as enqueued or skipped, and makes every copy active; with `body`, each
   * gets it as its spooled message before that. May be repeated with the same copies. Rejects with {@link MidTakenError}
   * when a MID is known to belong to another copy or message, whose body stays; after any other rejection the copies may
   * be there, and are to be withdrawn.
   */
  commit(decision: Decision, body?: Buffer): Promise<void>;
  /** Resolves when the next call that carries commits has ended, well or not; undefined when none is under way or due. */
  nextCommits(): Promise<void> | undefined;
  /** Notes that the copies' jobs are in the queue; until then they count as orphans. */
  confirmQueued(mids: readonly Mid[]): Promise<void>;
  /** Takes a commit back whose jobs could not be queued: from enqueued to skipped `enqueue-failed`. */
  withdraw(mids: readonly Mid[]): Promise<void>;

  /**
   * Marks copies as being attempted until `leaseUntil` (ms since the epoch): the sweep leaves them alone so long. Answers
   * for each, in order; `withBodies` with the spooled messages, which then are all in memory at once.
   */
  beginAttempts(
    mids: readonly Mid[],
    leaseUntil: number,
    withBodies?: boolean,
  ): Promise<readonly AttemptTicket[]>;
  /** Has the sweep leave a copy that is being attempted alone for longer. */
  extendLease(mid: Mid, leaseUntil: number): Promise<void>;
  /** Gives the lease back without an attempt having been made. */
  releaseAttempt(mid: Mid): Promise<void>;
  /**
   * Records attempt number `attempt` (from 1) as failed and to be retried. False when it was recorded before. After a
   * rejection the same call may be made again: it is true when the rejected one had recorded it.
   */
  softBounce(
    mid: Mid,
    bounce: {
      readonly attempt: number;
      readonly dcid: Dcid;
      readonly reason: SoftBounceReason;
      readonly response: string;
      /** The next attempt must not begin before, ms since the epoch. */
      readonly retryAt: number;
    },
  ): Promise<boolean>;
  /**
   * Records the outcome and forgets the body. True once per MID: only then may it be logged and counted. After a
   * rejection the same call may be made again: it is true when the rejected one had recorded it.
   */
  finish(mid: Mid, outcome: FinalOutcome): Promise<boolean>;

  /** Active copies past their deadline that nobody is attempting, oldest first. */
  expired(now: number, limit: number): Promise<readonly JournalCopy[]>;
  /** Active copies committed before `committedBefore` whose job was never confirmed. */
  orphans(committedBefore: number, limit: number): Promise<readonly JournalCopy[]>;

  /** Counts the active copies by where they are; soon is up to `dueBy`, ms since the epoch. */
  activeCopies(dueBy: number): Promise<ActiveCopies>;
  /** How many of these copies have no outcome yet. */
  countActive(mids: readonly Mid[]): Promise<number>;
  counters(): Promise<QueueCounters>;
  /** When the oldest active copy was enqueued, per intake alias. */
  oldestActive(): Promise<Readonly<Record<string, number>>>;
  /** Forgets finished copies beyond the bounds, a batch at a time. Answers how many. */
  trimTracking(bounds: { readonly keepFrom: number; readonly maxCopies: number }): Promise<number>;
  /** What is known of a copy, or of the newest copies whose original has this Message-ID, oldest first. */
  track(query: { readonly mid: Mid } | { readonly messageIdHeader: string }): Promise<readonly TrackedCopy[]>;
}

/**
 * A commit that left no copy: a MID of it belongs to another copy or message, since Redis lost its numbers and gave one
 * twice.
 */
export class MidTakenError extends Error {
  override readonly name = 'MidTakenError';
}
