import type { HardBounceReason, SoftBounceReason } from './delivery-failure.ts';

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
