import { bccFrame, type CopyFrame, findSubject, type JournalCopy, journalFrame } from '@tdc/core';
import type { MessageContent } from '../smtp/outbound-connection.ts';
import { base64Lines, base64Size, toBase64Lines } from './base64-lines.ts';

/** A copy ready to be sent: its size is known before its octets flow. */
export interface CopyContent {
  readonly sizeBytes: number;
  /** Octets above 127 are among them. */
  readonly eightBit: boolean;
  /** A CR or LF stands alone among them. What the frame has of its own ends its lines in CRLF. */
  readonly hasBareNewlines: boolean;
  readonly octets: MessageContent;
}

/** The Subject is looked for so far: header sections beyond it belong to machines. */
const HEAD_BYTES = 256 * 1024;

/** What goes around the original, as octets. */
interface Wrapping {
  readonly preamble: Buffer;
  readonly epilogue: Buffer;
  readonly base64: boolean;
  /** Octets above 127 are in it. */
  readonly eightBit: boolean;
}

/** Builds the copy around an original that is at hand. */
export function buildCopy(copy: JournalCopy, original: Buffer, now: number): CopyContent {
  const { preamble, epilogue, base64 } = frameFor(copy, original, now);
  const body = base64 ? toBase64Lines(original) : original;
  const head = Buffer.byteLength(preamble);
  // In one piece, filled in place: each piece of its own costs its memory, its search for dots and its place in the write.
  const octets = Buffer.allocUnsafe(head + body.length + Buffer.byteLength(epilogue));
  octets.write(preamble);
  octets.set(body, head);
  octets.write(epilogue, head + body.length);
  return contentOf(copy, { octets, sizeBytes: octets.length, base64, eightBit: head > preamble.length });
}

/**
 * Builds the copy around the original as it comes out of the spool. The first chunk is read at once, for the report
 * needs the Subject; what reading throws comes out of this call or out of `octets`.
 */
export async function buildStreamedCopy(
  copy: JournalCopy,
  original: AsyncGenerator<Uint8Array, void, undefined>,
  now: number,
): Promise<CopyContent> {
  const first = await original.next();
  const head = first.done === true ? new Uint8Array() : first.value;
  const wrapping = wrappingFor(copy, head, now);
  async function* whole(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    yield* original;
  }
  async function* octets(): AsyncGenerator<Uint8Array> {
    yield wrapping.preamble;
    yield* wrapping.base64 ? base64Lines(whole()) : whole();
    if (wrapping.epilogue.length > 0) yield wrapping.epilogue;
  }
  const { base64, eightBit } = wrapping;
  const bodyBytes = base64 ? base64Size(copy.sizeBytes) : copy.sizeBytes;
  const sizeBytes = wrapping.preamble.length + bodyBytes + wrapping.epilogue.length;
  return contentOf(copy, { octets: octets(), sizeBytes, base64, eightBit });
}

/** What was put together; octets above 127 are in what goes around the original where that is `eightBit`. */
type Built = Pick<CopyContent, 'octets' | 'sizeBytes'> & Pick<Wrapping, 'base64' | 'eightBit'>;

const contentOf = (copy: JournalCopy, { octets, sizeBytes, base64, eightBit }: Built): CopyContent => ({
  sizeBytes,
  // A prepended field may hold an international address of an original that is ASCII.
  eightBit: (copy.eightBit && !base64) || eightBit,
  hasBareNewlines: copy.bareNewlines !== 'none' && !base64,
  octets,
});

function wrappingFor(copy: JournalCopy, head: Uint8Array, now: number): Wrapping {
  const { preamble, epilogue, base64 } = frameFor(copy, head, now);
  const octets = Buffer.from(preamble);
  // In UTF-8, text has as many octets as characters only where it is ASCII.
  return {
    preamble: octets,
    epilogue: Buffer.from(epilogue),
    base64,
    eightBit: octets.length > preamble.length,
  };
}

function frameFor(copy: JournalCopy, head: Uint8Array, now: number): CopyFrame {
  if (copy.route.format === 'bcc') return bccFrame(copy);
  return journalFrame({ copy, subject: findSubject(head.subarray(0, HEAD_BYTES)), now });
}
