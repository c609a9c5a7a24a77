const END = Buffer.from('\r\n.\r\n');
const STUFFED = Buffer.from('\r\n..');

/** Reads one message behind DATA, in whatever pieces it comes (RFC 5321 §4.5.2). */
export interface DataReader {
  /** Octets seen so far. */
  readonly seen: number;
  /**
   * Takes a chunk; when the message ends in it, answers the message and what stands behind it. Of a message above the limit
   * nothing is kept.
   */
  add(chunk: Buffer): { readonly message: Buffer | 'too-large'; readonly rest: Buffer } | undefined;
}

export function createDataReader(maxBytes = Number.POSITIVE_INFINITY): DataReader {
  // The line before the first counts as ended: a message may begin with the final dot.
  const start = Buffer.from('\r\n');
  const chunks: Buffer[] = [start];
  let tail: Buffer = start;
  let total = start.length;
  let dropped = false;
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
        // Which dots were added is seen in the end; they are less than half of it.
        if (total > 2 * maxBytes + start.length) dropped = true;
        if (dropped) chunks.length = 0;
        return undefined;
      }
      const end = total - tail.length + at;
      const rest = window.subarray(at + END.length);
      if (dropped) return { message: 'too-large' as const, rest };
      const message = unstuffed(Buffer.concat([...chunks, chunk]).subarray(0, end + 2));
      return { message: message.length > maxBytes ? ('too-large' as const) : message, rest };
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
