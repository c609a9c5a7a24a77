import { hash } from 'node:crypto';
import type { Mid } from '@tdc/core';

/** What a finished spool file holds. */
export interface SpooledBody {
  readonly sizeBytes: number;
  /** Lower-case hex SHA-256. */
  readonly sha256: string;
}

export type SpoolReadError = 'missing' | 'mismatch';

/** A message up to this length is short: its octets go with its commit, and with an attempt. */
export const SHORT_BODY_BYTES = 64 * 1024;

/** A message that is in as a whole. */
export interface FinishedBody extends SpooledBody {
  /** The octets of a short message, which are stored with its commit; undefined when they are in the spool. */
  readonly unstored: Buffer | undefined;
}

/** Takes one message as it is received. Memory stays flat: a chunk is in Redis before the next one is awaited. */
export interface SpoolWriter {
  /** Adds octets. Rejects when Redis does not take them in time. */
  write(chunk: Uint8Array): Promise<void>;
  /** Stores what is left of a long message, and answers length and hash; only then may the body be named in a job. */
  finish(): Promise<FinishedBody>;
  /** Removes what was stored. Never rejects: the keys expire by themselves. */
  abandon(): Promise<void>;
}

export interface SpoolOptions {
  /** How long a body lives after something of it was last stored, seconds: the copy's life and some slack. */
  readonly ttlSeconds: number;
  /** Messages up to this length are not stored here but by whoever commits them; none when it is left out. */
  readonly shortBytes?: number;
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

/** The same octets, when they are the message that was received; throws {@link SpoolError} when they are not. */
export function checkBody(mid: Mid, body: Buffer, expected: SpooledBody): Buffer {
  const isWhole = body.length === expected.sizeBytes && hash('sha256', body, 'hex') === expected.sha256;
  if (!isWhole) throw new SpoolError('mismatch', mid);
  return body;
}
