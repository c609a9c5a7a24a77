const CR = 13;
/** CRLF.CRLF, as the states between its octets; the command line before the data ended the first CRLF. */
const END = Buffer.from('\r\n.\r\n', 'latin1');
const AFTER_CRLF = 2;
/** What the load writes first into a message stands this near to the beginning of every copy of it. */
const HEAD_BYTES = 8192;
const MARK = /X-Bench-Sent: (\S+) (\d+) (\d+)\r\n/;
const MESSAGE_ID = /^message-id: *<?(\d+)\.([\w-]+)@bench\.example>?\r$/im;

/** What a message of the load says of itself. */
export interface Mark {
  readonly run: string;
  readonly sequence: number;
  /** On the monotonic clock that all processes of a machine share. */
  readonly sentNanoseconds: bigint;
}

/** The header field by which the sink knows a message again, wherever in a copy it stands. */
export const markLine = (run: string, sequence: number, sentNanoseconds: bigint): string =>
  `X-Bench-Sent: ${run} ${sequence} ${sentNanoseconds}\r\n`;

export const messageId = (run: string, sequence: number): string => `<${sequence}.${run}@bench.example>`;

/** Finds the mark in the beginning of a message whose Message-ID agrees with it; undefined when there is none. */
export function readMark(head: string): Mark | undefined {
  const mark = MARK.exec(head);
  const id = MESSAGE_ID.exec(head);
  if (mark === null || id === null || id[1] !== mark[2] || id[2] !== mark[1]) return undefined;
  return { run: mark[1] ?? '', sequence: Number(mark[2]), sentNanoseconds: BigInt(mark[3] ?? '0') };
}

/** Reads one message after DATA, in pieces that may be cut anywhere. */
export interface MessageScanner {
  /** Takes octets; answers how many of them belong to the message and its final dot, or undefined when it goes on. */
  take(chunk: Buffer): number | undefined;
  /** The first octets of the message, as they are on the wire. */
  head(): string;
  /** Octets of the message taken so far, the final dot line included. */
  octets(): number;
}

export function createMessageScanner(): MessageScanner {
  let matched = AFTER_CRLF;
  let octets = 0;
  const pieces: Buffer[] = [];
  let kept = 0;

  const keep = (chunk: Buffer): void => {
    if (kept >= HEAD_BYTES) return;
    const piece = Buffer.from(chunk.subarray(0, HEAD_BYTES - kept));
    pieces.push(piece);
    kept += piece.length;
  };
  /** The state after one more octet. */
  const step = (octet: number | undefined): number => {
    if (octet === END[matched]) return matched + 1;
    return octet === CR ? 1 : 0;
  };
  /** Past the seam of two pieces the end is looked for in whole. */
  const scan = (chunk: Buffer): number | undefined => {
    let at = 0;
    while (at < chunk.length && (at < END.length || matched > 0)) {
      matched = step(chunk[at]);
      at += 1;
      if (matched === END.length) return at;
    }
    const found = chunk.indexOf(END, Math.max(0, at - END.length));
    if (found >= 0) return found + END.length;
    for (let tail = Math.max(at, chunk.length - END.length); tail < chunk.length; tail += 1)
      matched = step(chunk[tail]);
    return undefined;
  };
  return {
    take(chunk) {
      const end = scan(chunk);
      const part = end === undefined ? chunk : chunk.subarray(0, end);
      keep(part);
      octets += part.length;
      return end;
    },
    head: () => Buffer.concat(pieces).toString('latin1'),
    octets: () => octets,
  };
}
