import {
  bccFrame,
  type CopyFrame,
  type JournalCopy,
  journalFrame,
  parseHeaderFields,
  subjectOf,
} from '@tdc/core';
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
  const wrapping = wrappingFor(copy, original, now);
  const body = wrapping.base64 ? toBase64Lines(original) : original;
  return wrapped(copy, wrapping, [wrapping.preamble, body, wrapping.epilogue]);
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
  return wrapped(copy, wrapping, octets());
}

function wrapped(copy: JournalCopy, wrapping: Wrapping, octets: MessageContent): CopyContent {
  const { preamble, epilogue, base64, eightBit } = wrapping;
  const bodyBytes = base64 ? base64Size(copy.sizeBytes) : copy.sizeBytes;
  return {
    sizeBytes: preamble.length + bodyBytes + epilogue.length,
    // A prepended field may hold an international address of an original that is ASCII.
    eightBit: (copy.eightBit && !base64) || eightBit,
    hasBareNewlines: copy.bareNewlines !== 'none' && !base64,
    octets,
  };
}

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
  const { fields } = parseHeaderFields(head.subarray(0, HEAD_BYTES));
  return journalFrame({ copy, subject: subjectOf(fields), now });
}
