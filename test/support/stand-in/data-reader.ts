const END = Buffer.from('\r\n.\r\n');
const STUFFED = Buffer.from('\r\n..');

/** Reads one message behind DATA, in whatever pieces it comes (RFC 5321 §4.5.2). */
export interface DataReader {
  /** Octets seen so far. */
  readonly seen: number;
  /** Takes a chunk; when the message ends in it, answers the message and what stands behind it. */
  add(chunk: Buffer): { readonly message: Buffer; readonly rest: Buffer } | undefined;
}

export function createDataReader(): DataReader {
  // The line before the first counts as ended: a message may begin with the final dot.
  const start = Buffer.from('\r\n');
  const chunks: Buffer[] = [start];
  let tail: Buffer = start;
  let total = start.length;
  const reader = {
    seen: 0,
    add(chunk: Buffer) {
      reader.seen += chunk.length;
      const window = Buffer.concat([tail, chunk]);
      const at = window.indexOf(END);
      if (at < 0) {
        chunks.push(chunk);
        total += chunk.length;
        tail = window.subarray(-(END.length - 1));
        return undefined;
      }
      const end = total - tail.length + at;
      const whole = Buffer.concat([...chunks, chunk]);
      return { message: unstuffed(whole.subarray(0, end + 2)), rest: whole.subarray(end + END.length) };
    },
  };
  return reader;
}

/** Takes the added dots away, and the line end that was put in front. */
function unstuffed(octets: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = octets.indexOf(STUFFED); at >= 0; at = octets.indexOf(STUFFED, at + 3)) {
    pieces.push(octets.subarray(from, at + 2));
    from = at + 3;
  }
  pieces.push(octets.subarray(from));
  return Buffer.concat(pieces).subarray(2);
}
