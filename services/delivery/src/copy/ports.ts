import type { DeliveryFailure, DeliveryOutcome, JournalCopy, MailLogEvent, Mid } from '@tdc/core';
import type { Ledger, Spool } from '@tdc/platform';
import type { CutSignal } from '../cut-signal.ts';
import type { Acquisition } from '../destination/destination.ts';
import type { CopyContent } from './copy-content.ts';

/** Why a copy cannot be built. */
export interface Unreadable {
  readonly error: unknown;
}

/** A copy whose attempt was begun in the ledger. */
export interface BegunCopy {
  readonly copy: JournalCopy;
  readonly finishedAttempts: number;
  /** What is sent, where the octets came with the attempt; undefined where the spool has them. */
  readonly atHand: CopyContent | Unreadable | undefined;
}

/** What delivering a copy works with. */
export interface DeliveryPorts {
  readonly ledger: Pick<Ledger, 'beginAttempts' | 'extendLease' | 'releaseAttempt' | 'softBounce' | 'finish'>;
  readonly spool: Pick<Spool, 'read'>;
  /** Gets a connection to the copy's destination, or word that there is none. `along`: behind another copy of its job. */
  readonly acquire: (copy: JournalCopy, signal: CutSignal, along: boolean) => Promise<Acquisition>;
  readonly log: (event: MailLogEvent) => void;
  readonly observe: CopyObserver;
  readonly now: () => number;
  /** Minutes east of UTC, for dates in log lines. */
  readonly offsetMinutes: (at: number) => number;
}

/** Counts what becomes of copies; called only for what was recorded. */
export interface CopyObserver {
  attempted(
    copy: JournalCopy,
    outcome: Exclude<DeliveryOutcome['kind'], 'not-attempted'>,
    seconds: number,
  ): void;
  delivered(copy: JournalCopy, secondsSinceEnqueued: number): void;
  /** An attempt failed; told before anything is recorded. */
  failed(copy: JournalCopy, failure: DeliveryFailure): void;
  handedBack(copy: JournalCopy): void;
  /** Redis did not take an outcome at once. */
  recordDelayed(mid: Mid): void;
}

export interface DeliveryRules {
  readonly retryDelaySeconds: number;
  readonly finalReplyMs: number;
}
