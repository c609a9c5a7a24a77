import type { Mid } from './ids.ts';
import type { CopyFormat } from './intake-setting.ts';

/** The queue-level destination: the name that stands for all intake addresses in counters and log lines. */
export const TDC_QUEUE = 'the.tdc.queue';

/** How long a copy may live, counted from enqueueing (spec §5). */
export const MAX_QUEUE_AGE_SECONDS = 120;

/**
 * What happens to a message with a CR or LF that is not part of CRLF, which SMTP cannot carry unchanged:
 * `wrap` embeds it as base64 octets, `note` lets the line ends become CRLF and says so in a header.
 */
export type BareNewlineHandling = 'none' | 'wrap' | 'note';

/**
 * Where a copy goes, frozen at enqueue time: a later edit of the policy document never re-routes what is queued.
 */
export interface CopyRoute {
  /** The alias of the intake; the only label a metric may carry. */
  readonly intake: string;
  /** The message intake address, the copy's only recipient. */
  readonly address: string;
  /** Connect to this host instead of the MX of the address. */
  readonly host?: string;
  readonly port: number;
  readonly format: CopyFormat;
  /** MAIL FROM of the copy; '' is the null sender. */
  readonly envelopeSender: string;
  /** Name of the header that carries the true client address. */
  readonly remoteIpHeader: string;
}

/** One text for copies that go the same way: over the same connections, whatever else differs. */
export const wayOf = ({ intake, address, host, port }: CopyRoute): string =>
  [intake, address, host ?? '', port].join(' ');

/**
 * One copy due to one intake address: what the queue's job holds. It names the original by MID, length and hash;
 * the bytes themselves stay in the spool.
 */
export interface JournalCopy {
  readonly mid: Mid;
  /** Unique and unguessable; the same on every attempt, so that a receiver can recognise a doubled copy. */
  readonly journalId: string;
  readonly route: CopyRoute;
  readonly policy: string;
  readonly policyRevision: number;
  /** Envelope sender of the original; '' is the null sender. ASCII domain (A-labels). */
  readonly sender: string;
  /** Envelope recipients of this splinter alone. */
  readonly recipients: readonly string[];
  /** The true client address, where it is known. */
  readonly clientAddress?: string;
  /** The Message-ID header, '' when the message has none. */
  readonly messageIdHeader: string;
  /** Octets of the original as received. */
  readonly sizeBytes: number;
  /** Lower-case hex SHA-256 of the original as received. */
  readonly sha256: string;
  /** The original holds octets above 127. */
  readonly eightBit: boolean;
  /** The original was received with SMTPUTF8. */
  readonly smtpUtf8: boolean;
  readonly bareNewlines: BareNewlineHandling;
  /** Milliseconds since the epoch. */
  readonly enqueuedAt: number;
  /** Absolute deadline, milliseconds since the epoch. */
  readonly expiresAt: number;
}
