import { type DeliveryFailure, type DeliveryOutcome, type JournalCopy, NO_CONNECTION } from '@tdc/core';
import { SpoolError } from '@tdc/platform';
import type { Lease } from '../destination/destination.ts';
import { buildCopy } from './copy-content.ts';
import type { DeliveryPorts, DeliveryRules } from './ports.ts';

/** How an attempt came out; without one, when to come back. */
export type Attempt =
  | Exclude<DeliveryOutcome, { kind: 'not-attempted' }>
  | { readonly kind: 'not-attempted'; readonly retryInMs: number };

/** A connection that was dead on its first command is replaced so often before the peer is believed to be closed. */
const MAX_STALE = 5;
const RETRY_AFTER_STALE_MS = 500;
/** Time for the outcome to be recorded after the peer's last answer. */
const RECORD_MS = 2_000;

/**
 * One attempt: gets a connection and sends the copy, within the life that the copy has left. Once the final dot is out
 * the deadline no longer cuts it off (spec §5); the lease is stretched, so that the sweep leaves the copy alone.
 */
export async function attemptDelivery(
  ports: DeliveryPorts,
  rules: DeliveryRules,
  copy: JournalCopy,
  signal: AbortSignal,
): Promise<Attempt> {
  for (let stale = 0; stale < MAX_STALE; stale += 1) {
    const acquired = await ports.acquire(copy, signal);
    if (acquired.kind === 'unavailable') return { kind: 'not-attempted', retryInMs: acquired.retryInMs };
    if (acquired.kind === 'failed') return acquired;
    const sent = await sendOver(ports, rules, { copy, lease: acquired.lease, signal });
    if (sent.kind !== 'stale') return sent;
  }
  return { kind: 'not-attempted', retryInMs: RETRY_AFTER_STALE_MS };
}

interface Sending {
  readonly copy: JournalCopy;
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

type Sent = Exclude<DeliveryOutcome, { kind: 'not-attempted' }> | { readonly kind: 'stale' };

async function sendOver(ports: DeliveryPorts, rules: DeliveryRules, sending: Sending): Promise<Sent> {
  const { copy, lease, signal } = sending;
  const { dcid, connection } = lease;
  const startedAt = ports.now();
  const original = watchForSpoolError(
    ports.spool.read(copy.mid, { sizeBytes: copy.sizeBytes, sha256: copy.sha256 }),
  );
  const content = await buildCopy(copy, original.chunks, startedAt).catch((error: unknown) => {
    if (original.error() === undefined) throw error;
    return undefined;
  });
  if (content === undefined) {
    lease.release(0);
    return { kind: 'failed', dcid: NO_CONNECTION, failure: spoolFailure(original.error()) };
  }
  ports.log({ kind: 'delivery-start', dcid, mid: copy.mid });
  const result = await connection.send(
    {
      sender: copy.route.envelopeSender,
      recipient: copy.route.address,
      sizeBytes: content.sizeBytes,
      eightBit: content.eightBit,
      smtpUtf8: smtpUtf8Need(copy),
      content: content.octets,
      onFinalDot: () => stretchLease(ports, copy, rules.finalReplyMs),
    },
    signal,
  );
  lease.release((ports.now() - startedAt) / 1000);
  if (result.kind === 'delivered') return { kind: 'delivered', dcid, reply: result.reply };
  const spoolError = original.error();
  if (spoolError !== undefined) return { kind: 'failed', dcid, failure: spoolFailure(spoolError) };
  return result.stale ? { kind: 'stale' } : { kind: 'failed', dcid, failure: result.failure };
}

/** Prepended to the original, its UTF-8 headers are the copy's own; inside a part they are the part's (RFC 6532 §3.7). */
const smtpUtf8Need = ({ smtpUtf8, route }: JournalCopy): 'no' | 'wanted' | 'needed' =>
  smtpUtf8 ? (route.format === 'bcc' ? 'needed' : 'wanted') : 'no';

/** The answer to the final dot may come after the deadline: until then the copy is not to be expired. */
function stretchLease(ports: DeliveryPorts, copy: JournalCopy, finalReplyMs: number): void {
  const until = ports.now() + finalReplyMs + RECORD_MS;
  if (until > copy.expiresAt) ports.ledger.beginAttempt(copy.mid, until).catch(() => undefined);
}

const spoolFailure = (error: SpoolError | undefined): DeliveryFailure => ({
  kind: 'spool',
  reason: error?.reason ?? 'missing',
});

/** Passes chunks through and remembers whether it was our own store that failed. */
function watchForSpoolError(source: AsyncGenerator<Uint8Array, void, undefined>) {
  let failed: SpoolError | undefined;
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* source;
    } catch (error) {
      if (error instanceof SpoolError) failed = error;
      throw error;
    }
  }
  return { chunks: chunks(), error: () => failed };
}
