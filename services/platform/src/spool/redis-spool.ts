import { createHash, type Hash } from 'node:crypto';
import type { Mid } from '@tdc/core';
import type { RedisClient } from '../redis/connect.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { type Spool, SpoolError, type SpooledBody, type SpoolWriter } from './spool.ts';

/** What one command carries at most: large enough to be cheap, small enough not to hold up other commands. */
const CHUNK_BYTES = 256 * 1024;

export interface SpoolOptions {
  /** How long a body lives from its first octet, seconds: the copy's life and some slack. */
  readonly ttlSeconds: number;
}

/**
 * The spool in Redis. A small message is one SET, a large one grows by APPEND while it is received, so that memory stays
 * flat. The first command sets the time to live: what a crash leaves behind goes by itself.
 */
export function createSpool(redis: RedisClient, keys: RedisKeys, options: SpoolOptions): Spool {
  return {
    open: (mid) => new ChunkedWriter(redis, keys.spool(mid), options.ttlSeconds * 1000),
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
  readonly #hash: Hash = createHash('sha256');
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #storedBytes = 0;

  constructor(redis: RedisClient, key: string, ttlMs: number) {
    this.#redis = redis;
    this.#key = key;
    this.#ttlMs = ttlMs;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes >= CHUNK_BYTES) await this.#store();
  }

  async finish(): Promise<SpooledBody> {
    if (this.#pendingBytes > 0 || this.#storedBytes === 0) await this.#store();
    return { sizeBytes: this.#storedBytes, sha256: this.#hash.digest('hex') };
  }

  async abandon(): Promise<void> {
    this.#pending = [];
    if (this.#storedBytes > 0) await this.#redis.unlink(this.#key).catch(() => 0);
  }

  async #store(): Promise<void> {
    const octets = Buffer.concat(this.#pending, this.#pendingBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#storedBytes === 0) await this.#redis.set(this.#key, octets, 'PX', this.#ttlMs);
    else {
      const length = await this.#redis.append(this.#key, octets);
      // A key that expired or was evicted in between would silently begin anew with this chunk.
      if (length !== this.#storedBytes + octets.length)
        throw new Error('the spooled message lost its beginning');
    }
    this.#storedBytes += octets.length;
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
    if (chunk.length === 0) throw new SpoolError('missing', mid);
    if (chunk.length !== Math.min(CHUNK_BYTES, expected.sizeBytes - offset))
      throw new SpoolError('mismatch', mid);
    hash.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  const stored = await redis.strlen(key);
  if (expected.sizeBytes > 0 && stored === 0) throw new SpoolError('missing', mid);
  if (stored !== expected.sizeBytes || hash.digest('hex') !== expected.sha256) {
    throw new SpoolError('mismatch', mid);
  }
  if (held !== undefined) yield held;
}
