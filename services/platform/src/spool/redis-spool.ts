import { createHash, type Hash, hash } from 'node:crypto';
import type { Mid } from '@tdc/core';
import type { RedisClient } from '../redis/connect.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { type FinishedBody, type Spool, SpoolError, type SpooledBody, type SpoolWriter } from './spool.ts';

/** What one command carries at most: large enough to be cheap, small enough not to hold up other commands. */
const CHUNK_BYTES = 256 * 1024;

const LOST_BEGINNING = 'the spooled message lost its beginning';

export interface SpoolOptions {
  /** How long a body lives after something of it was last stored, seconds: the copy's life and some slack. */
  readonly ttlSeconds: number;
  /** Messages up to this length are not stored here but by whoever commits them; none when it is left out. */
  readonly shortBytes?: number;
}

/**
 * The spool in Redis. A short message is left to its commit; a longer one is one SET, and a large one grows by APPEND
 * while it is received, so that memory stays flat. Every command sets the time to live: what a crash leaves behind goes
 * by itself.
 */
export function createSpool(redis: RedisClient, keys: RedisKeys, options: SpoolOptions): Spool {
  return {
    open: (mid) => new ChunkedWriter(redis, keys.spool(mid), options),
    async duplicate(from, to) {
      if (to.length === 0) return;
      const copies = await Promise.all(
        to.map((mid) => redis.copy(keys.spool(from), keys.spool(mid), 'REPLACE')),
      );
      if (copies.some((copied) => copied !== 1)) throw new SpoolError('missing', from);
    },
    read: (mid, expected) => readChecked(redis, keys.spool(mid), mid, expected),
    async remove(mids) {
      if (mids.length > 0) await redis.unlink(...mids.map(keys.spool));
    },
  };
}

class ChunkedWriter implements SpoolWriter {
  readonly #redis: RedisClient;
  readonly #key: string;
  readonly #ttlMs: number;
  readonly #shortBytes: number;
  #hash: Hash | undefined;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #storedBytes = 0;
  #begun = false;

  constructor(redis: RedisClient, key: string, { ttlSeconds, shortBytes = -1 }: SpoolOptions) {
    this.#redis = redis;
    this.#key = key;
    this.#ttlMs = ttlSeconds * 1000;
    this.#shortBytes = shortBytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < CHUNK_BYTES) return;
    const octets = this.#takePending();
    const rest = octets.length % CHUNK_BYTES;
    for (let at = 0; at + CHUNK_BYTES <= octets.length; at += CHUNK_BYTES)
      await this.#store(octets.subarray(at, at + CHUNK_BYTES));
    if (rest > 0) {
      this.#pending.push(octets.subarray(-rest));
      this.#pendingBytes = rest;
    }
  }

  async finish(): Promise<FinishedBody> {
    if (!this.#begun && this.#pendingBytes <= this.#shortBytes) {
      const unstored = this.#takePending();
      return { sizeBytes: unstored.length, sha256: hash('sha256', unstored, 'hex'), unstored };
    }
    if (this.#pendingBytes > 0 || !this.#begun) await this.#store(this.#takePending());
    // The last chunk may have come long before the end of the message: the life begins here.
    else if ((await this.#redis.pexpire(this.#key, this.#ttlMs)) !== 1) throw new Error(LOST_BEGINNING);
    return { sizeBytes: this.#storedBytes, sha256: this.#hash?.digest('hex') ?? '', unstored: undefined };
  }

  async abandon(): Promise<void> {
    this.#takePending();
    if (this.#begun) await this.#redis.unlink(this.#key).catch(() => 0);
  }

  #takePending(): Buffer {
    const [only] = this.#pending;
    const octets =
      only instanceof Buffer && this.#pending.length === 1
        ? only
        : Buffer.concat(this.#pending, this.#pendingBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
    return octets;
  }

  async #store(octets: Buffer): Promise<void> {
    if (this.#begun) await this.#append(octets);
    else {
      this.#begun = true;
      // NX: a Redis that lost its numbers gives them out again, and another message may have the same MID.
      const stored = await this.#redis.set(this.#key, octets, 'PX', this.#ttlMs, 'NX');
      if (stored === null) {
        this.#begun = false;
        throw new Error('the spool holds another message under this MID');
      }
    }
    this.#storedBytes += octets.length;
    this.#hash ??= createHash('sha256');
    this.#hash.update(octets);
  }

  /** Every chunk renews the life: a slow sender's message must not expire while it is coming in. */
  async #append(octets: Buffer): Promise<void> {
    const answers = await this.#redis
      .pipeline()
      .append(this.#key, octets)
      .pexpire(this.#key, this.#ttlMs)
      .exec();
    for (const [error] of answers ?? []) if (error !== null) throw error;
    // A key that expired in between would silently begin anew with this chunk.
    if (answers?.[0]?.[1] !== this.#storedBytes + octets.length) throw new Error(LOST_BEGINNING);
  }
}

async function* readChecked(
  redis: RedisClient,
  key: string,
  mid: Mid,
  expected: SpooledBody,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  for (let offset = 0; offset < expected.sizeBytes; offset += CHUNK_BYTES) {
    const chunk = await redis.getrangeBuffer(key, offset, offset + CHUNK_BYTES - 1);
    if (chunk.length !== Math.min(CHUNK_BYTES, expected.sizeBytes - offset)) await refuse(redis, key, mid);
    hash.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  const stored = await redis.strlen(key);
  if (stored !== expected.sizeBytes || hash.digest('hex') !== expected.sha256) await refuse(redis, key, mid);
  if (held !== undefined) yield held;
}

async function refuse(redis: RedisClient, key: string, mid: Mid): Promise<never> {
  throw new SpoolError((await redis.exists(key)) === 0 ? 'missing' : 'mismatch', mid);
}
