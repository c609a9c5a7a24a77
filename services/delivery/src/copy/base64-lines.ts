/** Octets of one base64 line of 76 characters (RFC 2045 §6.8). */
const LINE_OCTETS = 57;

/** Octets of the base64 form with its line ends, the last one included. */
export function base64Size(octets: number): number {
  return Math.ceil(octets / 3) * 4 + Math.ceil(octets / LINE_OCTETS) * 2;
}

/** Octets as base64 lines, each with its line end. */
export const toBase64Lines = (octets: Buffer): Buffer => {
  const text: string[] = [];
  for (let at = 0; at < octets.length; at += LINE_OCTETS) {
    text.push(octets.subarray(at, at + LINE_OCTETS).toString('base64'), '\r\n');
  }
  return Buffer.from(text.join(''), 'latin1');
};

/** Chunks as base64 lines; what does not fill a line waits for the next chunk. */
export async function* base64Lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const octets = Buffer.concat([rest, chunk]);
    const whole = octets.length - (octets.length % LINE_OCTETS);
    if (whole > 0) yield toBase64Lines(octets.subarray(0, whole));
    rest = octets.subarray(whole);
  }
  if (rest.length > 0) yield toBase64Lines(rest);
}
