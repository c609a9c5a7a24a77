import type { BareNewlineHandling } from '@tdc/core';
import type { SpoolWriter } from '@tdc/platform';
import type { IncomingMessage, NotAccepted } from '../ports.ts';
import { type BodyScan, inPieces } from './body-scan.ts';

export type ReceivedBody =
  /** Every octet is with the writer. */
  | { readonly kind: 'complete'; readonly bareNewlines: BareNewlineHandling }
  | { readonly kind: 'failed'; readonly acceptance: NotAccepted };

export interface Reception {
  readonly scan: BodyScan;
  readonly writer: Pick<SpoolWriter, 'write'>;
  readonly bareNewlines: 'reject' | 'note' | 'wrap';
}

const failed = (acceptance: NotAccepted): ReceivedBody => ({ kind: 'failed', acceptance });

/**
 * Spools the octets as they come, no faster than they are stored. What cannot be kept is still read to its end, since
 * the answer is due there and nowhere else.
 */
export async function receiveBody(message: IncomingMessage, reception: Reception): Promise<ReceivedBody> {
  const { scan, writer, bareNewlines } = reception;
  let stored = true;
  try {
    for await (const piece of inPieces(message.body)) {
      if (!stored || message.tooLarge()) continue;
      scan.add(piece);
      stored = await writer.write(piece).then(
        () => true,
        () => false,
      );
    }
  } catch {
    return failed({ kind: 'aborted' });
  }
  if (message.tooLarge()) return failed({ kind: 'refused', reason: 'too-large' });
  if (!stored) return failed({ kind: 'unavailable', reason: 'storage' });
  if (!scan.hasBareNewlines()) return { kind: 'complete', bareNewlines: 'none' };
  return bareNewlines === 'reject'
    ? failed({ kind: 'refused', reason: 'bare-newlines' })
    : { kind: 'complete', bareNewlines };
}

/** Reads a message to its end without keeping it, so that the answer comes where the client waits for it. */
export async function drained(message: IncomingMessage, acceptance: NotAccepted): Promise<NotAccepted> {
  try {
    for await (const _ of message.body);
    return acceptance;
  } catch {
    return { kind: 'aborted' };
  }
}
