import { createHash, type Hash, hash } from 'node:crypto';
import type { Mid } from '@tdc/core';
import type { RedisClient } from '../redis/connect.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { CHUNK_BYTES, type Chunk, type Chunks, createChunks } from './chunk.ts';
import { type FinishedBody, type Spool, SpoolError, type SpooledBody, type SpoolWriter } from './spool.ts';

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
  const chunks = createChunks();
  return {
    open: (mid) => new ChunkedWriter(redis, keys.spool(mid), chunks, options),
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
  readonly #chunks: Chunks;
  readonly #ttlMs: number;
  readonly #shortBytes: number;
  /** The octets, as long as the message is a short one. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** The octets of a longer one that are not stored yet. */
  #chunk: Chunk | undefined;
  #hash: Hash | undefined;
  #storedBytes = 0;
  #begun = false;

  constructor(
    redis: RedisClient,
    key: string,
    chunks: Chunks,
    { ttlSeconds, shortBytes = -1 }: SpoolOptions,
  ) {
    this.#redis = redis;
    this.#key = key;
    this.#chunks = chunks;
    this.#ttlMs = ttlSeconds * 1000;
    this.#shortBytes = shortBytes;
  }

  async write(octets: Uint8Array): Promise<void> {
    if (this.#chunk === undefined && !this.#begun) {
      this.#pending.push(octets);
      this.#pendingBytes += octets.length;
      if (this.#pendingBytes > this.#shortBytes) await this.#fillWithPending();
    } else await this.#fill(octets);
  }

  async finish(): Promise<FinishedBody> {
    if (this.#chunk === undefined && !this.#begun && this.#pendingBytes <= this.#shortBytes) {
      const unstored = this.#takePending();
      return { sizeBytes: unstored.length, sha256: hash('sha256', unstored, 'hex'), unstored };
    }
    this.#chunk ??= this.#chunks.take();
    if (this.#chunk.length > 0 || !this.#begun) await this.#store(this.#chunk);
    // The last chunk may have come long before the end of the message: the life begins here.
    else if ((await this.#redis.pexpire(this.#key, this.#ttlMs)) !== 1) throw new Error(LOST_BEGINNING);
    this.#release();
    return { sizeBytes: this.#storedBytes, sha256: this.#hash?.digest('hex') ?? '', unstored: undefined };
  }

  async abandon(): Promise<void> {
    this.#takePending();
    this.#release();
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

  /** The message turns out to be a longer one. */
  async #fillWithPending(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const octets of pending) await this.#fill(octets);
  }

  async #fill(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length; ) {
      this.#chunk ??= this.#chunks.take();
      at += this.#chunk.add(at === 0 ? octets : octets.subarray(at));
      if (this.#chunk.isFull) await this.#store(this.#chunk);
    }
  }

  /** The chunk is in nobody's hands while it is stored: one whose fate is not known is not used again. */
  async #store(chunk: Chunk): Promise<void> {
    this.#chunk = undefined;
    const answer = this.#begun ? this.#append(chunk) : this.#begin(chunk);
    this.#hash ??= createHash('sha256');
    this.#hash.update(chunk.octets);
    await answer;
    this.#storedBytes += chunk.length;
    chunk.clear();
    this.#chunk = chunk;
  }

  async #begin(chunk: Chunk): Promise<void> {
    this.#begun = true;
    // NX: a Redis that lost its numbers gives them out again, and another message may have the same MID.
    const set = chunk.command('set', [this.#key], ['PX', String(this.#ttlMs), 'NX']);
    if ((await this.#redis.sendCommand(set)) !== null) return;
    this.#begun = false;
    throw new Error('the spool holds another message under this MID');
  }

  /** Every chunk renews the life: a slow sender's message must not expire while it is coming in. */
  async #append(chunk: Chunk): Promise<void> {
    const [length] = await Promise.all([
      this.#redis.sendCommand(chunk.command('append', [this.#key], [])),
      this.#redis.pexpire(this.#key, this.#ttlMs),
    ]);
    // A key that expired in between would silently begin anew with this chunk.
    if (length !== this.#storedBytes + chunk.length) throw new Error(LOST_BEGINNING);
  }

  #release(): void {
    if (this.#chunk !== undefined) this.#chunks.giveBack(this.#chunk);
    this.#chunk = undefined;
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
