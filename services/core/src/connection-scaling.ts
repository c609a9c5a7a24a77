/** What bounds the number of connections to one destination. */
export interface ConnectionLimits {
  /** Opened as soon as there is anything to deliver: 3 (spec §6). */
  readonly min: number;
  /** The ceiling, which all workers share. */
  readonly max: number;
}

export interface DestinationLoad {
  /** Copies for this destination that are not finished, waiting and in an attempt, over all workers. */
  readonly activeRecipients: number;
  /** Workers that share the load; 1 when unknown. */
  readonly workers: number;
  /** Mean seconds one attempt takes at the moment; 0 when unknown. */
  readonly secondsPerCopy: number;
}

/** A backlog is to be gone in this time: a small part of a copy's life, so that a burst never reaches the deadline. */
const DRAIN_SECONDS = 10;

/**
 * A connection for so many copies, up to so many connections: to carry on several at once costs worker and peer less by the
 * copy, since each wakes up for several, and a short burst is gone before its pace is known.
 */
const COPIES_PER_CONNECTION = 10;
const EAGER_CONNECTIONS = 8;

/** Without a measured attempt time: a quick scanner on the same continent. */
const ASSUMED_SECONDS_PER_COPY = 0.2;

/**
 * How many connections one worker should hold to a destination: none when nothing is queued, at least the minimum
 * as soon as something is, one for every ten copies up to eight, and beyond that as many as drain this worker's share of
 * the backlog within ten seconds at the pace measured, up to the ceiling. A slow connection raises the pace's denominator
 * and so the number. The result grows with the backlog and with the time per copy, never against them.
 */
export function connectionTarget(load: DestinationLoad, limits: ConnectionLimits): number {
  if (load.activeRecipients <= 0) return 0;
  const share = Math.ceil(load.activeRecipients / Math.max(1, load.workers));
  const pace = load.secondsPerCopy > 0 ? load.secondsPerCopy : ASSUMED_SECONDS_PER_COPY;
  const eager = Math.min(EAGER_CONNECTIONS, Math.ceil(share / COPIES_PER_CONNECTION));
  const draining = Math.ceil((share * pace) / DRAIN_SECONDS);
  return Math.min(limits.max, Math.max(limits.min, eager, draining));
}
