import { type Dcid, type DeliveryOutcome, type JournalCopy, NO_CONNECTION } from '@tdc/core';
import { type AttemptTicket, checkBody, SpoolError } from '@tdc/platform';
import type { CutSignal } from '../cut-signal.ts';
import type { Lease } from '../destination/destination.ts';
import type { OutboundMessage, SendResult } from '../smtp/outbound-connection.ts';
import { buildCopy, buildStreamedCopy, type CopyContent } from './copy-content.ts';
import type { BegunCopy, DeliveryPorts, DeliveryRules, Unreadable } from './ports.ts';

/** How an attempt came out. */
export type Attempt =
  | Exclude<DeliveryOutcome, { kind: 'not-attempted' }>
  /** Nothing was tried, or our own store did not answer: when to come back. */
  | { readonly kind: 'not-attempted'; readonly retryInMs: number }
  /** The signal ended it before the final dot. */
  | { readonly kind: 'cut'; readonly dcid: Dcid };

/** A connection that was dead on its first command is replaced so often before the peer is believed to be closed. */
const MAX_STALE = 5;
const RETRY_AFTER_STALE_MS = 500;
/** The store that did not answer is asked again so much later. */
const RETRY_AFTER_STORE_MS = 1_000;
/** Time for the outcome to be recorded after the peer's last answer. */
const RECORD_MS = 2_000;

/**
 * One attempt: gets a connection and sends the copy, within the life that the copy has left. Once the final dot is out
 * the deadline no longer cuts it off (spec §5); the lease is stretched, so that the sweep leaves the copy alone.
 */
export async function attemptDelivery(
  ports: DeliveryPorts,
  rules: DeliveryRules,
  begun: BegunCopy,
  { signal, along }: Circumstances,
): Promise<Attempt> {
  for (let stale = 0; stale < MAX_STALE; stale += 1) {
    const acquired = await ports.acquire(begun.copy, signal, along);
    if (acquired.kind === 'unavailable') return { kind: 'not-attempted', retryInMs: acquired.retryInMs };
    if (acquired.kind === 'failed') return acquired;
    const sent = await sendAndRelease(ports, rules, { begun, lease: acquired.lease, signal });
    if (sent.kind !== 'stale') return sent;
  }
  return { kind: 'not-attempted', retryInMs: RETRY_AFTER_STALE_MS };
}

/** What an attempt is made under. */
export interface Circumstances {
  readonly signal: CutSignal;
  /** The copy came in the job of another, which is attempted, too. */
  readonly along: boolean;
}

interface Sending {
  readonly begun: BegunCopy;
  readonly lease: Lease;
  readonly signal: CutSignal;
}

type Sent = Attempt | { readonly kind: 'stale' };

/** The connection goes back whatever happens: one that is lost here would be missing for good. */
async function sendAndRelease(ports: DeliveryPorts, rules: DeliveryRules, sending: Sending): Promise<Sent> {
  const startedAt = ports.now();
  let seconds = 0;
  try {
    const { copy, atHand } = sending.begun;
    const content = atHand ?? (await contentOfSpool(ports.spool, copy, startedAt));
    if ('error' in content) return contentFailed(NO_CONNECTION, content.error);
    const { dcid, connection } = sending.lease;
    ports.log({ kind: 'delivery-start', dcid, mid: copy.mid });
    const message = messageOf(copy, content, () => stretchLease(ports, copy, rules.finalReplyMs));
    const result = await connection.send(message, sending.signal);
    seconds = (ports.now() - startedAt) / 1000;
    return toSent(result, dcid);
  } finally {
    sending.lease.release(seconds);
  }
}

/**
 * A copy that the ledger gave to be attempted, built where its octets came along. Those of a job are built one behind the
 * other, before any of them is sent: between the answers of a peer the code for it has left the processor's caches.
 */
export function toBegun(ticket: Extract<AttemptTicket, { kind: 'go' }>, now: number): BegunCopy {
  const { copy, finishedAttempts, body } = ticket;
  return { copy, finishedAttempts, atHand: body === undefined ? undefined : contentAtHand(copy, body, now) };
}

/** The copy around octets that came with the attempt. */
function contentAtHand(copy: JournalCopy, body: Buffer, now: number): CopyContent | Unreadable {
  try {
    return buildCopy(copy, checkBody(copy.mid, body, copy), now);
  } catch (error) {
    return { error };
  }
}

async function contentOfSpool(
  spool: DeliveryPorts['spool'],
  copy: JournalCopy,
  now: number,
): Promise<CopyContent | Unreadable> {
  try {
    return await buildStreamedCopy(copy, spool.read(copy.mid, copy), now);
  } catch (error) {
    return { error };
  }
}

function messageOf(
  copy: JournalCopy,
  { sizeBytes, eightBit, hasBareNewlines, octets }: CopyContent,
  onFinalDot: () => void,
): OutboundMessage {
  return {
    sender: copy.route.envelopeSender,
    recipient: copy.route.address,
    sizeBytes,
    eightBit,
    smtpUtf8: smtpUtf8Need(copy),
    hasBareNewlines,
    content: octets,
    onFinalDot,
  };
}

function toSent(result: SendResult, dcid: Dcid): Sent {
  switch (result.kind) {
    case 'delivered':
      return { kind: 'delivered', dcid, reply: result.reply };
    case 'failed':
      return { kind: 'failed', dcid, failure: result.failure };
    case 'cut':
      return { kind: 'cut', dcid };
    case 'content-failed':
      return contentFailed(dcid, result.error);
    case 'stale':
      return result;
  }
}

/** A body that is gone or another's is the end of the copy; a store that did not answer is no fault of the copy. */
function contentFailed(dcid: Dcid, error: unknown): Attempt {
  if (!(error instanceof SpoolError)) return { kind: 'not-attempted', retryInMs: RETRY_AFTER_STORE_MS };
  return { kind: 'failed', dcid, failure: { kind: 'spool', reason: error.reason } };
}

const ASCII = /^[\u0000-\u007f]*$/;

/**
 * Prepended to the original, its UTF-8 headers are the copy's own; inside a part they are the part's (RFC 6532 §3.7). An
 * address beyond ASCII cannot even be named without it.
 */
function smtpUtf8Need({ smtpUtf8, route }: JournalCopy): 'no' | 'wanted' | 'needed' {
  if (!ASCII.test(route.address + route.envelopeSender)) return 'needed';
  return smtpUtf8 ? (route.format === 'bcc' ? 'needed' : 'wanted') : 'no';
}

/** The answer to the final dot may come after the deadline: until then the copy is not to be expired. */
function stretchLease(ports: DeliveryPorts, copy: JournalCopy, finalReplyMs: number): void {
  const until = ports.now() + finalReplyMs + RECORD_MS;
  if (until > copy.expiresAt) ports.ledger.extendLease(copy.mid, until).catch(() => undefined);
}
