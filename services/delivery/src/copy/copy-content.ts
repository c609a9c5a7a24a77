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

/** Builds the copy around an original that is at hand. */
export function buildCopy(copy: JournalCopy, original: Buffer, now: number): CopyContent {
  const frame = frameFor(copy, original, now);
  const body = frame.base64 ? toBase64Lines(original) : original;
  const preambleBytes = Buffer.byteLength(frame.preamble);
  // In one piece, filled in place: each piece of its own costs its memory, its search for dots and its place in the write.
  const octets = Buffer.allocUnsafe(preambleBytes + body.length + Buffer.byteLength(frame.epilogue));
  octets.write(frame.preamble);
  octets.set(body, preambleBytes);
  octets.write(frame.epilogue, preambleBytes + body.length);
  return contentOf(copy, frame, { octets, sizeBytes: octets.length, preambleBytes });
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
  const frame = frameFor(copy, head, now);
  const preamble = Buffer.from(frame.preamble);
  const epilogue = Buffer.from(frame.epilogue);
  async function* whole(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    yield* original;
  }
  async function* octets(): AsyncGenerator<Uint8Array> {
    yield preamble;
    yield* frame.base64 ? base64Lines(whole()) : whole();
    if (epilogue.length > 0) yield epilogue;
  }
  const bodyBytes = frame.base64 ? base64Size(copy.sizeBytes) : copy.sizeBytes;
  const sizeBytes = preamble.length + bodyBytes + epilogue.length;
  return contentOf(copy, frame, { octets: octets(), sizeBytes, preambleBytes: preamble.length });
}

/** What was put together around an original. */
interface Built extends Pick<CopyContent, 'octets' | 'sizeBytes'> {
  readonly preambleBytes: number;
}

function contentOf(
  copy: JournalCopy,
  { preamble, base64 }: CopyFrame,
  { octets, sizeBytes, preambleBytes }: Built,
): CopyContent {
  return {
    sizeBytes,
    // A prepended field may hold an international address of an original that is ASCII. In UTF-8, text has as many octets
    // as characters only where it is ASCII.
    eightBit: (copy.eightBit && !base64) || preambleBytes > preamble.length,
    hasBareNewlines: copy.bareNewlines !== 'none' && !base64,
    octets,
  };
}

function frameFor(copy: JournalCopy, head: Uint8Array, now: number): CopyFrame {
  if (copy.route.format === 'bcc') return bccFrame(copy);
  return journalFrame({ copy, subject: findSubject(head.subarray(0, HEAD_BYTES)), now });
}
