import type { Dcid } from './ids.ts';
import type { SmtpReply, SmtpStage } from './smtp-reply.ts';

export type TlsFailureReason =
  | 'not-offered'
  | 'refused'
  | 'handshake'
  | 'protocol'
  | 'certificate'
  | 'timeout';
export type NetworkFailureReason = 'timeout' | 'refused' | 'reset' | 'unreachable' | 'closed';
export type DnsFailureCode = 'NXDomain' | 'NullMX' | 'NoAddress' | 'ServFail' | 'Timeout' | 'Refused';
export type UnconveyableReason = 'eight-bit' | 'size' | 'smtputf8';
export type SpoolFailureReason = 'missing' | 'mismatch';

/** Why one attempt failed: a closed union, made in one place per library (spec §5). */
export type DeliveryFailure =
  | { readonly kind: 'smtp-reply'; readonly stage: SmtpStage; readonly reply: SmtpReply }
  | { readonly kind: 'tls'; readonly reason: TlsFailureReason; readonly detail: string }
  | { readonly kind: 'network'; readonly reason: NetworkFailureReason; readonly detail: string }
  /** NXDomain, NullMX and NoAddress are hard: authoritative answers. The others are temporary. */
  | {
      readonly kind: 'dns';
      readonly domain: string;
      readonly record: 'MX' | 'A';
      readonly code: DnsFailureCode;
    }
  /** The final dot was sent and its answer was lost: delivered or not, nobody knows. */
  | { readonly kind: 'uncertain'; readonly detail: string }
  /** The peer does not offer what carrying the copy unchanged needs. */
  | { readonly kind: 'unconveyable'; readonly reason: UnconveyableReason; readonly detail: string }
  /** Our own store no longer has the original, or has other bytes. */
  | { readonly kind: 'spool'; readonly reason: SpoolFailureReason };

/** The fate of one attempt. */
export type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly dcid: Dcid; readonly reply: SmtpReply }
  | { readonly kind: 'failed'; readonly dcid: Dcid; readonly failure: DeliveryFailure }
  /** Nothing was tried (no connection to be had, worker draining): the copy goes back, no attempt is counted. */
  | { readonly kind: 'not-attempted' };

/** Label values of `tdc_soft_bounced_events_total{reason}`. */
export const SOFT_BOUNCE_REASONS = ['4xx', '5xx', 'network', 'dns', 'uncertain'] as const;
export type SoftBounceReason = (typeof SOFT_BOUNCE_REASONS)[number];

/** Label values of `tdc_hard_bounced_recipients_total{reason}`. */
export const HARD_BOUNCE_REASONS = [
  'dns',
  '5xx',
  '4xx',
  'tls',
  'network',
  'uncertain',
  'expired',
  'unconveyable',
  'spool',
] as const;
export type HardBounceReason = (typeof HARD_BOUNCE_REASONS)[number];
