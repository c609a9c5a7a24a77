import type { DeliveryFailure, HardBounceReason } from './delivery-failure.ts';
import type { Dcid, Mid } from './ids.ts';
import type { MailLogEvent } from './mail-log.ts';
import { retryReason } from './retry-rules.ts';

export interface FailedCopy {
  readonly mid: Mid;
  readonly intake: string;
  /** DCID of the last attempt, 0 when no connection was opened. */
  readonly dcid: Dcid;
}

/** What the failure itself logs before its consequence: the DNS line. Connection and TLS lines are the connection's. */
export function failureEvents(failure: DeliveryFailure): readonly MailLogEvent[] {
  if (failure.kind !== 'dns') return [];
  return [{ kind: 'dns-error', failure, hard: retryReason(failure) === undefined }];
}

/**
 * The lines of a copy that is given up, in the order of the seed's sample: Hard bounced · delivery failed · Bounced. A
 * TLS error has the one line of the seed. Without a failure the copy outlived its deadline.
 */
export function hardBounceEvents(
  copy: FailedCopy,
  reason: HardBounceReason,
  failure: DeliveryFailure | undefined,
): readonly MailLogEvent[] {
  const { mid, intake, dcid } = copy;
  const failed: MailLogEvent = { kind: 'delivery-failed', mid, intake, reason };
  if (reason === 'tls') return [failed];
  const cause = failure === undefined || reason === 'expired' ? {} : { failure };
  return [{ kind: 'hard-bounced', mid, ...cause }, failed, { kind: 'bounced', dcid, mid, ...cause }];
}

/** The lines of a copy that will be tried once more. */
export function softBounceEvents(
  copy: FailedCopy,
  failure: DeliveryFailure,
  pending: { readonly until: number; readonly offsetMinutes: number },
): readonly MailLogEvent[] {
  return [
    { kind: 'delayed', dcid: copy.dcid, mid: copy.mid, failure },
    { kind: 'pending', mid: copy.mid, ...pending },
  ];
}
