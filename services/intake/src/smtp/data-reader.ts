const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** How a line begins that may be the last. */
const LINE_DOT = Buffer.from('\r\n.', 'latin1');
const NONE = Buffer.alloc(0);
const HELD_DOT = Buffer.from('.', 'latin1');
const HELD_DOT_CR = Buffer.from('.\r', 'latin1');

/** What one packet of a message holds. */
export interface DataRead {
  /** Octets of the message, without the dots that its sender stuffed. May be none. */
  readonly content: Buffer;
  /** What stands behind the final dot; undefined while the message goes on. */
  readonly rest: Buffer | undefined;
}

/**
 * Reads the octets behind DATA, in whatever packets they come (RFC 5321 §4.5.2): a line is one that begins behind CRLF or
 * at the very start, a dot alone on a line is the end, and of two dots that a line begins with the first was stuffed. All
 * else is content, bare CR and LF and a single dot among them. One reader reads one message.
 */
export class DataReader {
  /** What the last octet was: none yet or CRLF; CR; anything else. */
  #before: 'line-end' | 'cr' | 'text' = 'line-end';
  /** The beginning of a line of which only the next packet tells what it is. */
  #held: Buffer = NONE;

  /** The content is the packet itself, written over where dots were stuffed: it belongs to the reader from now on. */
  read(packet: Buffer): DataRead {
    if (packet.length === 0) return { content: NONE, rest: undefined };
    const octets = this.#held.length === 0 ? packet : Buffer.concat([this.#held, packet]);
    this.#held = NONE;
    const content = new Unstuffed(octets);
    for (let dot = this.#firstDot(octets); dot >= 0; dot = nextDot(octets, dot + 1)) {
      const [next, last] = [octets[dot + 1], octets[dot + 2]];
      if (next === DOT) content.dropDot(dot);
      if (next === CR && last === LF) return { content: content.upTo(dot), rest: octets.subarray(dot + 3) };
      if (next === undefined || (next === CR && last === undefined)) {
        this.#before = 'line-end';
        this.#held = next === undefined ? HELD_DOT : HELD_DOT_CR;
        return { content: content.upTo(dot), rest: undefined };
      }
    }
    this.#before = this.#endOf(octets);
    return { content: content.upTo(octets.length), rest: undefined };
  }

  #firstDot(octets: Buffer): number {
    if (this.#before === 'line-end' && octets[0] === DOT) return 0;
    if (this.#before === 'cr' && octets[0] === LF && octets[1] === DOT) return 1;
    return nextDot(octets, 0);
  }

  #endOf(octets: Buffer): 'line-end' | 'cr' | 'text' {
    if (octets.at(-1) === CR) return 'cr';
    const isBehindCr = octets.length === 1 ? this.#before === 'cr' : octets.at(-2) === CR;
    return octets.at(-1) === LF && isBehindCr ? 'line-end' : 'text';
  }
}

/** Where the next line begins with a dot; −1 where none does. */
function nextDot(octets: Buffer, from: number): number {
  const at = octets.indexOf(LINE_DOT, from);
  return at < 0 ? at : at + 2;
}

/** Octets that close up over the dots taken out of them. Nothing is copied while there is none. */
class Unstuffed {
  readonly #octets: Buffer;
  /** The content is what stands before `#end`, and from `#next` on. */
  #end = 0;
  #next = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  dropDot(at: number): void {
    this.#close(at);
    this.#next = at + 1;
  }

  upTo(end: number): Buffer {
    this.#close(end);
    return this.#octets.subarray(0, this.#end);
  }

  #close(until: number): void {
    if (this.#end < this.#next) this.#octets.copyWithin(this.#end, this.#next, until);
    this.#end += until - this.#next;
  }
}
