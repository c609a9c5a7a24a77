import type { BareNewlineHandling } from '@tdc/core';
import type { SpoolWriter } from '@tdc/platform';
import type { IncomingMessage, NotAccepted, Unavailable } from '../ports.ts';
import type { Room } from './admission.ts';
import { type BodyScan, createPieces } from './body-scan.ts';
import { unstorable } from './unstorable.ts';

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
  const { scan, bareNewlines } = reception;
  const keep = createKeep(message, reception);
  const pieces = createPieces();
  let lack: Unavailable | undefined;
  try {
    for await (const chunk of message.body) for (const piece of pieces.add(chunk)) lack ??= await keep(piece);
    const rest = pieces.rest();
    if (rest !== undefined) lack ??= await keep(rest);
  } catch {
    return failed({ kind: 'aborted' });
  }
  if (message.tooLarge()) return failed({ kind: 'refused', reason: 'too-large' });
  if (lack !== undefined) return failed(lack);
  if (!scan.hasBareNewlines()) return { kind: 'complete', bareNewlines: 'none' };
  return bareNewlines === 'reject'
    ? failed({ kind: 'refused', reason: 'bare-newlines' })
    : { kind: 'complete', bareNewlines };
}

const NO_ROOM: Unavailable = { kind: 'unavailable', reason: 'memory' };

/**
 * Keeps a piece; answers undefined when it is stored, held until more is there, or of a message that is too large, else
 * what was lacking.
 */
function createKeep(message: IncomingMessage, { scan, writer, room }: Reception) {
  let bytes = 0;
  return async (piece: Uint8Array): Promise<Unavailable | undefined> => {
    if (message.tooLarge()) return undefined;
    bytes += piece.length;
    scan.add(piece);
    const admitted = room.need(bytes);
    if (admitted !== true && !(await admitted)) return NO_ROOM;
    try {
      await writer.write(piece);
      return undefined;
    } catch (error) {
      return unstorable(error);
    }
  };
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
