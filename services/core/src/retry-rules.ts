import {
  type DeliveryFailure,
  type HardBounceReason,
  hardBounceReason,
  isHardDnsFailure,
  type SoftBounceReason,
} from './delivery-failure.ts';

/** Replies whose class says permanent but which the connector retries (spec §5, row 2). */
const RETRIED_5XX: ReadonlySet<number> = new Set([503, 552]);

/** Attempts a copy may have in all: the first and one retry, whatever layer fails. */
export const MAX_ATTEMPTS = 2;

export interface AttemptContext {
  /** Number of the attempt that has just failed, from 1. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly expiresAt: number;
}

export interface RetryRules {
  readonly retryDelaySeconds: number;
}

export type NextStep =
  | { readonly kind: 'retry'; readonly at: number; readonly reason: SoftBounceReason }
  | { readonly kind: 'hard-bounce'; readonly reason: HardBounceReason };

/**
 * The reason under which a retry of this failure is counted; undefined when the failure is never retried.
 * This is the retry table of spec §5.
 */
export function retryReason(failure: DeliveryFailure): SoftBounceReason | undefined {
  switch (failure.kind) {
    case 'smtp-reply':
      if (failure.reply.code < 500) return '4xx';
      return RETRIED_5XX.has(failure.reply.code) ? '5xx' : undefined;
    case 'network':
      return 'network';
    case 'uncertain':
      return 'uncertain';
    // The table says "DNS errors: 1"; the sample log bounces NXDOMAIN in the same second. Both hold when hard
    // and temporary errors are told apart.
    case 'dns':
      return isHardDnsFailure(failure.code) ? undefined : 'dns';
    case 'tls':
    case 'unconveyable':
    case 'spool':
      return undefined;
  }
}

/** Whether the copy has outlived its deadline. */
export const isExpired = (now: number, expiresAt: number): boolean => now >= expiresAt;

/**
 * What now? The only place that answers it. A retry waits the configured delay, but never longer than three
 * quarters of the life that is left, so that the second attempt has time to do its work before the copy expires.
 */
export function nextStep(failure: DeliveryFailure, attempt: AttemptContext, rules: RetryRules): NextStep {
  const reason = retryReason(failure);
  if (reason === undefined || attempt.number >= MAX_ATTEMPTS) {
    return { kind: 'hard-bounce', reason: hardBounceReason(failure) };
  }
  if (isExpired(attempt.now, attempt.expiresAt)) return { kind: 'hard-bounce', reason: 'expired' };
  const remaining = attempt.expiresAt - attempt.now;
  const delay = Math.min(rules.retryDelaySeconds * 1000, Math.floor(remaining * 0.75));
  return { kind: 'retry', at: attempt.now + delay, reason };
}
