import {
  HARD_BOUNCE_REASONS,
  type HardBounceReason,
  SOFT_BOUNCE_REASONS,
  type SoftBounceReason,
} from './delivery-failure.ts';

/** Why a message was not copied: a closed list, so that seen = enqueued + Σ skipped holds (spec §2, §8). */
export const SKIP_REASONS = [
  'outgoing',
  'relayed',
  'graymail',
  'suspected-spam',
  'spam',
  'unscannable',
  'phishing',
  'malware',
  'virus',
  'clean',
  'no-scan',
  'disabled',
  'no-intake-address',
  'loop',
  'bounce-of-copy',
  'enqueue-failed',
] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** What has become of the copies for one intake. All fields count recipients but `softBounced`, which counts events. */
export interface IntakeCounters {
  readonly enqueued: number;
  readonly delivered: number;
  readonly softBounced: Readonly<Partial<Record<SoftBounceReason, number>>>;
  readonly hardBounced: Readonly<Partial<Record<HardBounceReason, number>>>;
  readonly deleted: number;
  /** Active recipients that were never tried, and those between attempts or in one. */
  readonly unattempted: number;
  readonly attempted: number;
}

/** The durable counters of the whole queue. `seen` counts messages, a splinter being one. */
export interface QueueCounters {
  readonly seen: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  readonly intakes: Readonly<Record<string, IntakeCounters>>;
}

export const NO_COUNTS: IntakeCounters = {
  enqueued: 0,
  delivered: 0,
  softBounced: {},
  hardBounced: {},
  deleted: 0,
  unattempted: 0,
  attempted: 0,
};

const sum = (values: Iterable<number | undefined>): number => {
  let total = 0;
  for (const value of values) total += value ?? 0;
  return total;
};

/** Recipients with no outcome yet. */
export const activeRecipients = (c: IntakeCounters): number => c.unattempted + c.attempted;
export const softBouncedEvents = (c: IntakeCounters): number => sum(Object.values(c.softBounced));
export const hardBouncedRecipients = (c: IntakeCounters): number => sum(Object.values(c.hardBounced));
/** Recipients with an outcome, whatever it is. */
export const completedRecipients = (c: IntakeCounters): number =>
  c.delivered + hardBouncedRecipients(c) + c.deleted;
export const skippedMessages = (queue: QueueCounters): number => sum(Object.values(queue.skipped));

function addUp<K extends string>(
  keys: readonly K[],
  all: readonly Readonly<Partial<Record<K, number>>>[],
): Partial<Record<K, number>> {
  const total: Partial<Record<K, number>> = {};
  for (const key of keys) {
    const value = sum(all.map((one) => one[key]));
    if (value !== 0) total[key] = value;
  }
  return total;
}

/** All intakes together: the row of the queue itself. */
export function queueTotals(queue: QueueCounters): IntakeCounters {
  const all = Object.values(queue.intakes);
  return {
    enqueued: sum(all.map((c) => c.enqueued)),
    delivered: sum(all.map((c) => c.delivered)),
    softBounced: addUp(
      SOFT_BOUNCE_REASONS,
      all.map((c) => c.softBounced),
    ),
    hardBounced: addUp(
      HARD_BOUNCE_REASONS,
      all.map((c) => c.hardBounced),
    ),
    deleted: sum(all.map((c) => c.deleted)),
    unattempted: sum(all.map((c) => c.unattempted)),
    attempted: sum(all.map((c) => c.attempted)),
  };
}

/**
 * How far the account is from balancing: 0 when every message seen is enqueued or skipped, and every recipient
 * enqueued is delivered, hard bounced, deleted or active (spec §8). The two laws are added in absolute values, intake
 * by intake, so that errors cannot cancel each other out.
 */
export function accountingDifference(queue: QueueCounters): number {
  const enqueued = sum(Object.values(queue.intakes).map((c) => c.enqueued));
  const atIntake = Math.abs(queue.seen - enqueued - skippedMessages(queue));
  const inQueue = Object.values(queue.intakes).map((c) =>
    Math.abs(c.enqueued - completedRecipients(c) - activeRecipients(c)),
  );
  return atIntake + sum(inQueue);
}
