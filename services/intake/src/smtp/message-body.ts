/** What a session holds at most for a reader that is behind: so many octets, or pieces where they are small. */
const FULL_BYTES = 64 * 1024;
const FULL_PIECES = 256;

const END = { done: true, value: undefined } as const;

interface Reader {
  resolve(result: IteratorResult<Uint8Array, undefined>): void;
  reject(error: Error): void;
}

/**
 * The octets of a message on their way from the session to its one reader, in the pieces that came. A reader that goes
 * before the end, or never reads, leaves the rest to be dropped.
 */
export class MessageBody implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #onRoom: () => void;
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  #receivedBytes = 0;
  #reader: Reader | undefined;
  #failure: Error | undefined;
  #tellFailed: (() => void) | undefined;
  #state: 'open' | 'dropped' | 'ended' = 'open';

  /** `onRoom` is called when it was full, and is no more. */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  /** All octets so far, read or not. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** The reader is so far behind that no more should be added. */
  get isFull(): boolean {
    return this.#heldBytes >= FULL_BYTES || this.#pieces.length >= FULL_PIECES;
  }

  add(piece: Uint8Array): void {
    this.#receivedBytes += piece.length;
    if (this.#state === 'dropped' || piece.length === 0) return;
    const reader = this.#reader;
    if (reader === undefined) {
      this.#pieces.push(piece);
      this.#heldBytes += piece.length;
      return;
    }
    this.#reader = undefined;
    reader.resolve({ done: false, value: piece });
  }

  /** All octets are there. */
  end(): void {
    this.#state = 'ended';
    this.#reader?.resolve(END);
  }

  /** There will be no end: who reads, or waits to read on, is told. Behind the end it means nothing. */
  fail(error: Error): void {
    if (this.#state === 'ended') return;
    this.#failure = error;
    this.#pieces = [];
    this.#reader?.reject(error);
    this.#tellFailed?.();
  }

  /** Calls back when it fails, at once where it has: for a reader that waits for something else. The last one is told. */
  whenFailed(tell: () => void): void {
    if (this.#failure === undefined) this.#tellFailed = tell;
    else tell();
  }

  /** What nobody reads is not kept. */
  drop(): void {
    if (this.#state === 'open') this.#state = 'dropped';
    this.#empty();
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const wasFull = this.isFull;
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#heldBytes -= piece.length;
      if (wasFull && !this.isFull) this.#onRoom();
      return Promise.resolve({ done: false, value: piece });
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#state !== 'open') return Promise.resolve(END);
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.drop();
    return Promise.resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #empty(): void {
    const wasFull = this.isFull;
    this.#pieces = [];
    this.#heldBytes = 0;
    if (wasFull) this.#onRoom();
  }
}
