import { createHash } from 'node:crypto';
import type { Mid } from '@tdc/core';
import type { RedisClient } from '../redis/connect.ts';
import { CHUNK_BYTES } from './chunk.ts';
import { SpoolError, type SpooledBody } from './spool.ts';

/** A body as it is stored. */
interface StoredBody {
  chunk(number: number): Promise<Buffer | null>;
  /** Whether there is nothing beside so many octets in so many chunks. */
  endsAt(bytes: number, chunks: number): Promise<boolean>;
}

/** A short message, which came with its commit. */
const inString = (redis: RedisClient, key: string): StoredBody => ({
  chunk: (number) => redis.getrangeBuffer(key, number * CHUNK_BYTES, (number + 1) * CHUNK_BYTES - 1),
  endsAt: async (bytes) => (await redis.strlen(key)) === bytes,
});

/** A longer one: a field for each chunk, and one for its beginning. */
const inHash = (redis: RedisClient, key: string): StoredBody => ({
  chunk: (number) => redis.hgetBuffer(key, String(number)),
  endsAt: async (_bytes, chunks) => (await redis.hlen(key)) === chunks + 1,
});

async function find(redis: RedisClient, key: string): Promise<StoredBody | undefined> {
  const type = await redis.type(key);
  if (type === 'none') return undefined;
  return type === 'string' ? inString(redis, key) : inHash(redis, key);
}

/** {@link Spool.read} of what is stored under a key. */
export async function* readChecked(
  redis: RedisClient,
  key: string,
  mid: Mid,
  { sizeBytes, sha256 }: SpooledBody,
): AsyncGenerator<Buffer, void, undefined> {
  const stored = await find(redis, key);
  if (stored === undefined) throw new SpoolError('missing', mid);
  const refuse = async (): Promise<never> => {
    throw new SpoolError((await redis.exists(key)) === 0 ? 'missing' : 'mismatch', mid);
  };
  const chunks = Math.ceil(sizeBytes / CHUNK_BYTES);
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  for (let number = 0; number < chunks; number += 1) {
    const chunk = await stored.chunk(number);
    if (chunk?.length !== Math.min(CHUNK_BYTES, sizeBytes - number * CHUNK_BYTES)) return refuse();
    hash.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (!(await stored.endsAt(sizeBytes, chunks)) || hash.digest('hex') !== sha256) return refuse();
  if (held !== undefined) yield held;
}
