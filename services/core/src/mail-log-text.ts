import {
  DELIVERY_EXPIRED,
  type DeliveryFailure,
  describeFailure,
  type HardBounceReason,
} from './delivery-failure.ts';
import { TDC_QUEUE } from './journal-copy.ts';
import { formatLogDate } from './mail-date.ts';
import type { LogLevel, MailLogEvent } from './mail-log.ts';

const SCANNER = 'Cisco Secure Email Threat Defense';

/** Longest value that stands in a log line; what is longer is cut and marked. */
const MAX_VALUE_LENGTH = 500;

const PLAIN = /^[\x20-\x7e]*$/;

/** Cuts an overlong value, never within a character: nobody outside decides how much is logged. */
export function cutForLog(value: string): string {
  if (value.length <= MAX_VALUE_LENGTH) return value;
  return `${value.slice(0, MAX_VALUE_LENGTH).replace(/[\ud800-\udbff]$/, '')}...`;
}

/**
 * Makes a value from outside fit for one log line: control characters and line separators are written as `\xHH`, so
 * that no sender can write a log line of his own; overlong values are cut.
 */
export function quoteForLog(value: string): string {
  // Most values are plain, and to look costs a part of what replacing does.
  if (value.length <= MAX_VALUE_LENGTH && PLAIN.test(value)) return value;
  return cutForLog(value).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    const code = character.charCodeAt(0);
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, '0')}`;
  });
}

/** The end of "… delivery failed to Cisco Secure Email Threat Defense:". The missing blank before TLS is the seed's. */
export function failureSuffix(reason: HardBounceReason): string {
  if (reason === 'tls') return 'TLS Error.';
  if (reason === 'expired') return ` ${DELIVERY_EXPIRED}.`;
  return ' Hard Bounced.';
}

const failureText = (failure: DeliveryFailure, final: boolean): string => {
  const { status, text, code, reply } = describeFailure(failure, final);
  return `${status} - ${text} ('${code}', ['${quoteForLog(reply)}'])`;
};

/** What the `Bounced:` and `Hard bounced` lines say of a copy that outlived its deadline. */
const EXPIRED_TEXT = `5.4.7 - ${DELIVERY_EXPIRED} ('000', ['timeout'])`;

const finalText = (failure: DeliveryFailure | undefined): string =>
  failure === undefined ? EXPIRED_TEXT : failureText(failure, true);

const address = (value: string): string => `<${quoteForLog(value)}>`;

type Wording = {
  readonly [Kind in MailLogEvent['kind']]: (event: Extract<MailLogEvent, { kind: Kind }>) => string;
};

const WORDING: Wording = {
  start: (e) => `Start MID ${e.mid} ICID ${e.icid}`,
  from: (e) => `MID ${e.mid} ICID ${e.icid} From: ${address(e.sender)}`,
  to: (e) => `MID ${e.mid} ICID ${e.icid} RID ${e.rid} To: ${address(e.recipient)}`,
  aborted: (e) => `Message aborted MID ${e.mid} ICID ${e.icid} - ${quoteForLog(e.reason)}`,
  'message-id': (e) => `MID ${e.mid} Message-ID '${quoteForLog(e.messageIdHeader)}'`,
  subject: (e) => `MID ${e.mid} Subject '${quoteForLog(e.subject)}'`,
  ready: (e) => `MID ${e.mid} ready ${e.sizeBytes} bytes from ${address(e.sender)}`,
  'policy-matched': (e) =>
    `MID ${e.mid} matched all recipients for per-recipient policy ${quoteForLog(e.policy)} in the inbound table`,
  split: (e) =>
    `MID ${e.mid} was split creating MID ${e.newMid} due to a per-recipient policy ${quoteForLog(e.policy)} in the inbound table`,
  enqueued: (e) =>
    `TDC: MID ${e.mid} with Message-ID '${quoteForLog(e.messageIdHeader)}' enqueued for forwarding to ${SCANNER} to the message intake address ${quoteForLog(e.address)}`,
  'new-dcid': (e) =>
    `TDC: New SMTP DCID ${e.dcid} interface ${quoteForLog(e.ends.localAddress)} address ${quoteForLog(e.ends.peerAddress)} port ${e.ends.port}`,
  'tls-success': (e) =>
    `DCID ${e.dcid} TLS success protocol ${quoteForLog(e.protocol)} cipher ${quoteForLog(e.cipher)}`,
  'tls-failed': (e) => `DCID ${e.dcid} TLS failed: ${quoteForLog(e.reason)}`,
  'delivery-start': (e) => `TDC: Delivery start DCID ${e.dcid} MID ${e.mid}`,
  delivered: (e) => `TDC: MID ${e.mid} successfully delivered for scanning with ${SCANNER}.`,
  finished: (e) => `Message finished MID ${e.mid} done`,
  'connection-error': ({ dcid, ends, details, reason }) =>
    `TDC: Connection Error: DCID ${dcid} domain: ${TDC_QUEUE} IP: ${quoteForLog(ends.peerAddress)} port: ${ends.port} details: ${quoteForLog(details)} interface: ${quoteForLog(ends.localAddress)} reason: ${quoteForLog(reason)}`,
  delayed: (e) => `TDC: Delayed: DCID ${e.dcid} MID ${e.mid} to RID 0 - ${failureText(e.failure, false)}`,
  pending: (e) => `Message ${e.mid} to RID [0] pending till ${formatLogDate(e.until, e.offsetMinutes)}`,
  'dns-error': (e) =>
    `DNS ${e.hard ? 'Error' : 'Temporary Failure'} ${quoteForLog(e.failure.domain)} ${e.failure.record} - ${e.failure.code}`,
  'hard-bounced': (e) => `TDC: Hard bounced - ${finalText(e.failure)}`,
  'delivery-failed': (e) => `TDC: MID ${e.mid} delivery failed to ${SCANNER}:${failureSuffix(e.reason)}`,
  bounced: (e) =>
    `Bounced: DCID ${e.dcid} MID ${e.mid} to RID 0 - Bounced by destination server with response: ${finalText(e.failure)}`,
  'dcid-close': (e) => `DCID ${e.dcid} close`,
  notice: (e) => quoteForLog(e.text),
};

/** The wording of every event, spec §7 to the letter; without date and level. Never holds a control character. */
export function mailLogText(event: MailLogEvent): string {
  const wording = WORDING[event.kind] as (event: MailLogEvent) => string;
  return wording(event);
}

/** Events of the mail log are all Info, failures included: that is how the gateway logs them. */
export const levelOf = (event: MailLogEvent): LogLevel => (event.kind === 'notice' ? event.level : 'info');

const LEVEL_NAME: Readonly<Record<LogLevel, string>> = {
  debug: 'Debug',
  info: 'Info',
  warning: 'Warning',
  critical: 'Critical',
};

/** `Fri Feb 16 21:19:22 2024 Info: <text>`; `offsetMinutes` east of UTC. */
export function formatMailLogLine(at: number, event: MailLogEvent, offsetMinutes: number): string {
  return `${formatLogDate(at, offsetMinutes)} ${LEVEL_NAME[levelOf(event)]}: ${mailLogText(event)}`;
}
