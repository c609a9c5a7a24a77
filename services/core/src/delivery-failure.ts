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
/** `address`: it holds what no SMTP command can carry. */
export type UnconveyableReason = 'eight-bit' | 'size' | 'smtputf8' | 'address';
export type SpoolFailureReason = 'missing' | 'mismatch';

/** Why one attempt failed: a closed union, made in one place per library (spec §5). */
export type DeliveryFailure =
  | { readonly kind: 'smtp-reply'; readonly stage: SmtpStage; readonly reply: SmtpReply }
  | { readonly kind: 'tls'; readonly reason: TlsFailureReason; readonly detail: string }
  | { readonly kind: 'network'; readonly reason: NetworkFailureReason; readonly detail: string }
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

/** The reason under which giving up because of this failure is counted. */
export function hardBounceReason(failure: DeliveryFailure): HardBounceReason {
  if (failure.kind !== 'smtp-reply') return failure.kind;
  return failure.reply.code >= 500 ? '5xx' : '4xx';
}

/** What is said, without a reply to quote, of a copy that outlived its deadline. */
export const DELIVERY_EXPIRED = 'Delivery expired (message too old)';

/** How a failure reads in the `Bounced:`, `Delayed:` and `Hard bounced` lines. */
export interface FailureDescription {
  /** Enhanced status code (RFC 3463), `5.1.2`. */
  readonly status: string;
  readonly text: string;
  /** The peer's reply code, `000` when there was none. */
  readonly code: string;
  readonly reply: string;
}

const HARD_DNS: ReadonlySet<DnsFailureCode> = new Set(['NXDomain', 'NullMX', 'NoAddress']);

/** Whether the answer is authoritative: asking again within a copy's life brings the same. The others are temporary. */
export const isHardDnsFailure = (code: DnsFailureCode): boolean => HARD_DNS.has(code);

/** The connection stood and broke: RFC 3463 tells that (X.4.2) from a host that never answered (X.4.1). */
const BROKEN: ReadonlySet<NetworkFailureReason> = new Set(['reset', 'closed']);

/**
 * Status, text, code and reply of a failure, in the gateway's manner: code `000` where no server answered. `final`
 * chooses between the permanent and the temporary class of the status.
 */
export function describeFailure(failure: DeliveryFailure, final: boolean): FailureDescription {
  const digit = final ? '5' : '4';
  switch (failure.kind) {
    case 'smtp-reply': {
      const { code, enhanced, text } = failure.reply;
      const status = enhanced ?? `${code >= 500 ? '5' : '4'}.0.0`;
      return { status, text: STAGE_TEXT[failure.stage], code: String(code).padStart(3, '0'), reply: text };
    }
    case 'dns': {
      const hard = isHardDnsFailure(failure.code);
      const kind = hard ? 'Hard' : 'Soft';
      const reply = `DNS ${kind} Error looking up ${failure.domain} (${failure.record}) : ${failure.code}`;
      return hard
        ? { status: '5.1.2', text: 'Bad destination host', code: '000', reply }
        : { status: `${digit}.4.3`, text: 'Directory server failure', code: '000', reply };
    }
    case 'tls':
      return { status: '5.7.5', text: 'TLS Error', code: '000', reply: failure.detail };
    case 'network':
      return BROKEN.has(failure.reason)
        ? { status: `${digit}.4.2`, text: 'Bad connection', code: '000', reply: failure.detail }
        : { status: `${digit}.4.1`, text: 'No answer from host', code: '000', reply: failure.detail };
    case 'uncertain':
      return {
        status: `${digit}.4.2`,
        text: 'Answer to the message lost',
        code: '000',
        reply: failure.detail,
      };
    case 'unconveyable':
      return {
        status: '5.6.3',
        text: 'Conversion required but not supported',
        code: '000',
        reply: failure.detail,
      };
    case 'spool':
      return { status: '5.3.0', text: 'Message no longer in the spool', code: '000', reply: failure.reason };
  }
}

const STAGE_TEXT: Readonly<Record<SmtpStage, string>> = {
  banner: 'Connection refused by destination server',
  ehlo: 'Greeting refused by destination server',
  mail: 'Sender refused by destination server',
  rcpt: 'Recipient refused by destination server',
  data: 'Message refused by destination server',
  'final-dot': 'Message refused by destination server',
};
