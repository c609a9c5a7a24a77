import type { Mid } from '@tdc/core';

/** What a finished spool file holds. */
export interface SpooledBody {
  readonly sizeBytes: number;
  /** Lower-case hex SHA-256. */
  readonly sha256: string;
}

export type SpoolReadError = 'missing' | 'mismatch';

/** Takes one message as it is received. Memory stays flat: a chunk is in Redis before the next one is awaited. */
export interface SpoolWriter {
  /** Adds octets. Rejects when Redis does not take them in time. */
  write(chunk: Uint8Array): Promise<void>;
  /** Stores what is left and answers length and hash; only then may the body be named in a job. */
  finish(): Promise<SpooledBody>;
  /** Removes what was stored. Never rejects: the keys expire by themselves. */
  abandon(): Promise<void>;
}

/** Raw messages by MID, binary, each with a time to live beyond the life of its copy. */
export interface Spool {
  open(mid: Mid): SpoolWriter;
  /** Gives each of `to` a body of its own with the octets of `from`, inside Redis. */
  duplicate(from: Mid, to: readonly Mid[]): Promise<void>;
  /**
   * The octets of a message in chunks. Length and hash are checked before the last chunk is yielded: a reader that
   * forwards chunks as they come can never complete a message that is not the one received.
   * Throws {@link SpoolError} when the body is gone or differs.
   */
  read(mid: Mid, expected: SpooledBody): AsyncGenerator<Buffer, void, undefined>;
  remove(mids: readonly Mid[]): Promise<void>;
}

export class SpoolError extends Error {
  override readonly name = 'SpoolError';
  readonly reason: SpoolReadError;

  constructor(reason: SpoolReadError, mid: Mid) {
    super(
      `spooled message of MID ${mid} is ${reason === 'missing' ? 'gone' : 'not the one that was received'}`,
    );
    this.reason = reason;
  }
}
