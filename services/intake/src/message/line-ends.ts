const CR = 0x0d;
const LF = 0x0a;
const LANES = 16;
/** Where the octets begin in the module's memory; the one before them stands in front. */
const BEGIN = 16;
/** Octets looked at in one call: what a socket hands out at once. */
const MOST = 64 * 1024;

/**
 * A WebAssembly module of one function, `differ(end)`: whether, from BEGIN on up to 1 + `end`, there is an octet that is LF
 * while the one before it is not CR, or the other way round. It looks at sixteen octets at a time, which JavaScript cannot;
 * a search for one line end after the other costs ten times as much.
 */
const MODULE = Uint8Array.from(
  [
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic, version 1
    [0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f], // one type: i32 -> i32
    [0x03, 0x02, 0x01, 0x00], // one function, of that type
    [0x05, 0x03, 0x01, 0x00, 0x02], // a memory of two pages
    [0x07, 0x13, 0x02], // two exports
    [0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00], // "memory"
    [0x06, 0x64, 0x69, 0x66, 0x66, 0x65, 0x72, 0x00, 0x00], // "differ"
    [0x0a, 0x3f, 0x01, 0x3d, 0x02, 0x01, 0x7f, 0x01, 0x7b], // its code; locals: at (i32), found (v128)
    [0x41, BEGIN - 1, 0x21, 0x01], // at = BEGIN - 1
    [0x03, 0x40], // loop
    [0x20, 0x02], //   found
    [0x20, 0x01, 0xfd, 0x00, 0x00, 0x01, 0x41, LF, 0xfd, 0x0f, 0xfd, 0x23], //   memory[at + 1 ...] == LF
    [0x20, 0x01, 0xfd, 0x00, 0x00, 0x00, 0x41, CR, 0xfd, 0x0f, 0xfd, 0x23], //   memory[at ...] == CR
    [0xfd, 0x51, 0xfd, 0x50, 0x21, 0x02], //   found = found | (the one xor the other)
    [0x20, 0x01, 0x41, LANES, 0x6a, 0x22, 0x01], //   at += LANES
    [0x20, 0x00, 0x48, 0x0d, 0x00], //   again while at < end
    [0x0b, 0x20, 0x02, 0xfd, 0x53, 0x0b], // any of found
  ].flat(),
);

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly differ: (end: number) => number;
}

/** What is used of it here; the types of Node leave it to those of browsers. */
declare const WebAssembly: {
  readonly Module: new (octets: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
};

const { memory, differ } = new WebAssembly.Instance(new WebAssembly.Module(MODULE)).exports;
const octets = new Uint8Array(memory.buffer);

/**
 * Whether a CR or LF stands alone (RFC 5321 §2.3.8), given the octet before the chunk. A CR at its end is left to the next
 * chunk.
 */
export function hasBareNewline(chunk: Uint8Array, before: number): boolean {
  let previous = before;
  for (let at = 0; at < chunk.length; at += MOST) {
    const piece = chunk.length <= MOST ? chunk : chunk.subarray(at, at + MOST);
    if (isBareIn(piece, previous)) return true;
    previous = piece[piece.length - 1] as number;
  }
  return false;
}

function isBareIn(piece: Uint8Array, before: number): boolean {
  const whole = piece.length - (piece.length % LANES);
  if (whole > 0) {
    octets[BEGIN - 1] = before;
    octets.set(piece.length === whole ? piece : piece.subarray(0, whole), BEGIN);
    if (differ(BEGIN - 1 + whole) !== 0) return true;
  }
  let previous = whole === 0 ? before : piece[whole - 1];
  for (let at = whole; at < piece.length; at += 1) {
    const octet = piece[at];
    if ((octet === LF) !== (previous === CR)) return true;
    previous = octet;
  }
  return false;
}
