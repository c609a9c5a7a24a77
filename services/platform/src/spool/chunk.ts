import { Command } from 'ioredis';

/** What one command carries at most: large enough to be cheap, small enough not to hold up other commands. */
export const CHUNK_BYTES: number = 256 * 1024;
/** Room for what stands before and behind the octets in a command; a command with a longer key is put together as usual. */
const HEAD_BYTES = 512;
const TAIL_BYTES = 128;
/** Kept for the next messages, in all: those of a moment's traffic, 4 MB. */
const MOST_KEPT = 16;

/** Octets of a message on their way to Redis, in memory of their own which the next chunk uses again. */
export class Chunk {
  readonly #memory = Buffer.allocUnsafeSlow(HEAD_BYTES + CHUNK_BYTES + TAIL_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.#length === CHUNK_BYTES;
  }

  /** What it holds, until it is cleared. */
  get octets(): Buffer {
    return this.#memory.subarray(HEAD_BYTES, HEAD_BYTES + this.#length);
  }

  /** Takes as many octets as there is room for; answers how many. */
  add(octets: Uint8Array): number {
    const taken = Math.min(octets.length, CHUNK_BYTES - this.#length);
    this.#memory.set(taken === octets.length ? octets : octets.subarray(0, taken), HEAD_BYTES + this.#length);
    this.#length += taken;
    return taken;
  }

  clear(): void {
    this.#length = 0;
  }

  /**
   * A command with these octets between other arguments, ready for the wire where they are: the library would copy them
   * once for the command and once for a pipeline. The chunk must not change before the command is answered, and not be used
   * again when it was answered by an error: it may still be on its way.
   */
  command(name: string, before: readonly string[], behind: readonly string[]): Command {
    const { octets } = this;
    const args = [...before, octets, ...behind];
    const head = `*${args.length + 1}\r\n${[name, ...before].map(bulk).join('')}$${octets.length}\r\n`;
    const tail = `\r\n${behind.map(bulk).join('')}`;
    const start = HEAD_BYTES - Buffer.byteLength(head);
    const end = HEAD_BYTES + octets.length + Buffer.byteLength(tail);
    if (start < 0 || end > this.#memory.length) return new Command(name, args, { replyEncoding: 'utf8' });
    this.#memory.write(head, start);
    this.#memory.write(tail, HEAD_BYTES + octets.length);
    return new WrittenCommand(name, args, this.#memory.subarray(start, end));
  }
}

/** A text as Redis is told it (RESP). */
const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

/** A command that is written down already. */
class WrittenCommand extends Command {
  readonly #wire: Buffer;

  constructor(name: string, args: (string | Buffer)[], wire: Buffer) {
    super(name, args, { replyEncoding: 'utf8' });
    this.#wire = wire;
  }

  override toWritable(): Buffer {
    return this.#wire;
  }
}

/** Chunks that are used again: memory for each anew would be most of what a large message costs. */
export interface Chunks {
  take(): Chunk;
  giveBack(chunk: Chunk): void;
}

export function createChunks(): Chunks {
  const kept: Chunk[] = [];
  return {
    take: () => kept.pop() ?? new Chunk(),
    giveBack(chunk) {
      chunk.clear();
      if (kept.length < MOST_KEPT) kept.push(chunk);
    },
  };
}
