import { markLine, messageId } from './message-scanner.ts';

/** Makes the messages of one run: the same body for all, shared between them. */
export interface LoadMessages {
  /** The octets of a message on the wire, the final dot included, in as few pieces as cost no copy of a large body. */
  compose(sequence: number, sentNanoseconds: bigint): readonly Buffer[];
}

const LINE = 'The quick brown fox jumps over the lazy dog, and over 0123456789 others too\r\n';
const COPIED_BYTES = 65_536;

/** A body that is random to no one: lines of 77 octets, none of which begins with a dot, the last one ended. */
function makeBody(size: number): Buffer {
  const body = Buffer.alloc(Math.max(2, size), LINE, 'latin1');
  body.write('\r\n', body.length - 2, 'latin1');
  return body;
}

/** Messages of `size` octets, header included, dot line excluded. */
export function createLoadMessages(run: string, size: number): LoadMessages {
  const head = (sequence: number, sent: bigint): string =>
    `${markLine(run, sequence, sent)}From: Sender <sender@bench.example>\r\nTo: Joe <joe@example.com>\r\n` +
    `Subject: load ${sequence}\r\nMessage-ID: ${messageId(run, sequence)}\r\n\r\n`;
  const headRoom = Buffer.byteLength(head(0, process.hrtime.bigint()));
  const tail = Buffer.concat([makeBody(size - headRoom), Buffer.from('.\r\n')]);
  return {
    compose(sequence, sentNanoseconds) {
      const front = Buffer.from(head(sequence, sentNanoseconds), 'latin1');
      return tail.length > COPIED_BYTES ? [front, tail] : [Buffer.concat([front, tail])];
    },
  };
}
