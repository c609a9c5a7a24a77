import type { BareNewlineHandling } from '@tdc/core';
import type { SpoolWriter } from '@tdc/platform';
import type { IncomingMessage, NotAccepted } from '../ports.ts';
import type { Room } from './admission.ts';
import { type BodyScan, inPieces } from './body-scan.ts';

export type ReceivedBody =
  /** Every octet is with the writer. */
  | { readonly kind: 'complete'; readonly bareNewlines: BareNewlineHandling }
  | { readonly kind: 'failed'; readonly acceptance: NotAccepted };

export interface Reception {
  readonly scan: BodyScan;
  readonly writer: Pick<SpoolWriter, 'write'>;
  readonly room: Pick<Room, 'need'>;
  readonly bareNewlines: 'reject' | 'note' | 'wrap';
}

const failed = (acceptance: NotAccepted): ReceivedBody => ({ kind: 'failed', acceptance });

/**
 * Spools the octets as they come, no faster than they are stored, and those of a long message when it has room. What
 * cannot be kept is still read to its end, since the answer is due there and nowhere else.
 */
export async function receiveBody(message: IncomingMessage, reception: Reception): Promise<ReceivedBody> {
  const { scan, writer, room, bareNewlines } = reception;
  let lack: 'storage' | 'memory' | undefined;
  let bytes = 0;
  try {
    for await (const piece of inPieces(message.body)) {
      if (lack !== undefined || message.tooLarge()) continue;
      bytes += piece.length;
      scan.add(piece);
      lack = (await room.need(bytes)) ? await stored(writer, piece) : 'memory';
    }
  } catch {
    return failed({ kind: 'aborted' });
  }
  if (message.tooLarge()) return failed({ kind: 'refused', reason: 'too-large' });
  if (lack !== undefined) return failed({ kind: 'unavailable', reason: lack });
  if (!scan.hasBareNewlines()) return { kind: 'complete', bareNewlines: 'none' };
  return bareNewlines === 'reject'
    ? failed({ kind: 'refused', reason: 'bare-newlines' })
    : { kind: 'complete', bareNewlines };
}

/** What was lacking to store a piece; undefined when it is stored, or held until more is there. */
const stored = (writer: Reception['writer'], piece: Uint8Array): Promise<'storage' | undefined> =>
  writer.write(piece).then(
    () => undefined,
    () => 'storage',
  );

/** Reads a message to its end without keeping it, so that the answer comes where the client waits for it. */
export async function drained(message: IncomingMessage, acceptance: NotAccepted): Promise<NotAccepted> {
  try {
    for await (const _ of message.body);
    return acceptance;
  } catch {
    return { kind: 'aborted' };
  }
}
