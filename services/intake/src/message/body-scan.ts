import { isAscii } from 'node:buffer';
import { hasBareNewline } from './line-ends.ts';

const CR = 0x0d;
const LF = 0x0a;

/** Header sections beyond this are judged by their beginning. */
const HEAD_BYTES = 256 * 1024;
/** How far into the body a bounce is searched for the id of the copy that brought it about. */
const BODY_BYTES = 64 * 1024;
/** Octets handed on at once, where the client sends fewer: one object for each octet would cost a hundredfold. */
const PIECE_BYTES = 16 * 1024;

/** What the octets of a message tell, found while they pass, in whatever pieces they come. */
export interface BodyScan {
  add(chunk: Uint8Array): void;
  /** The beginning of the message: its header section, and some of the body. */
  head(): Uint8Array;
  /** CR or LF stands outside CRLF. */
  hasBareNewlines(): boolean;
  /** Octets above 127. */
  isEightBit(): boolean;
}

export function createBodyScan(): BodyScan {
  const head: Uint8Array[] = [];
  let headBytes = 0;
  let previous = LF;
  let bare = false;
  let eightBit = false;

  return {
    add(chunk) {
      if (headBytes < HEAD_BYTES + BODY_BYTES) {
        const piece = chunk.subarray(0, HEAD_BYTES + BODY_BYTES - headBytes);
        head.push(piece);
        headBytes += piece.length;
      }
      if (!bare) {
        bare = hasBareNewline(chunk, previous);
        previous = chunk.at(-1) ?? previous;
      }
      eightBit ||= hasEightBit(chunk);
    },
    head: () => (head.length === 1 && head[0] !== undefined ? head[0] : Buffer.concat(head, headBytes)),
    hasBareNewlines: () => bare || previous === CR,
    isEightBit: () => eightBit,
  };
}

/** Octets above 127 are what ASCII is not; the check of Node looks at many at once. */
const hasEightBit = (chunk: Uint8Array): boolean => !isAscii(chunk);

/** Octets in pieces of a decent size, each a copy or a chunk as it came. */
export interface Pieces {
  /** Takes a chunk, and answers the pieces that are full. */
  add(chunk: Uint8Array): readonly Uint8Array[];
  /** What is left when there are no more chunks. */
  rest(): Uint8Array | undefined;
}

const NONE: readonly Uint8Array[] = [];

export function createPieces(): Pieces {
  let piece: Uint8Array = new Uint8Array();
  let filled = 0;
  const taken = (): Uint8Array => {
    const whole = filled === piece.length ? piece : piece.subarray(0, filled);
    filled = 0;
    return whole;
  };
  return {
    add(chunk) {
      const full = filled > 0 && filled + chunk.length > PIECE_BYTES ? [taken()] : NONE;
      if (chunk.length >= PIECE_BYTES) return [...full, chunk];
      if (filled === 0) {
        // Most messages are this chunk alone.
        piece = chunk;
      } else {
        if (piece.length < PIECE_BYTES) piece = grown(piece, filled);
        piece.set(chunk, filled);
      }
      filled += chunk.length;
      return full;
    },
    rest: () => (filled > 0 ? taken() : undefined),
  };
}

/** The octets at the beginning of a piece with room for more. */
function grown(octets: Uint8Array, filled: number): Uint8Array {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  piece.set(octets.subarray(0, filled));
  return piece;
}
