import { createHash } from 'node:crypto';
import type { Mid } from '@tdc/core';
import type { RedisClient } from '../redis/connect.ts';
import { inOneWrite } from '../redis/one-write.ts';
import { CHUNK_BYTES } from './chunk.ts';
import { SHORT_BODY_BYTES, SpoolError, type SpooledBody } from './spool.ts';

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

/**
 * A longer one: a field for each chunk, and one for its beginning. Its first chunk comes with the number of its fields;
 * undefined where there is no hash.
 */
async function openHash(redis: RedisClient, key: string): Promise<StoredBody | undefined> {
  let first: Buffer | null;
  let fields: number;
  try {
    [first, fields] = await inOneWrite(redis, () =>
      Promise.all([redis.hgetBuffer(key, '0'), redis.hlen(key)]),
    );
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined;
    throw error;
  }
  if (fields === 0) return undefined;
  return {
    async chunk(number) {
      if (number > 0) return redis.hgetBuffer(key, String(number));
      const chunk = first;
      first = null; // Not held while the others are read.
      return chunk;
    },
    endsAt: async (_bytes, chunks) => fields === chunks + 1,
  };
}

/** Long messages are hashes as a rule: it is asked what else is there only when they are not. */
async function find(redis: RedisClient, key: string, sizeBytes: number): Promise<StoredBody | undefined> {
  const long = sizeBytes > SHORT_BODY_BYTES ? await openHash(redis, key) : undefined;
  if (long !== undefined) return long;
  const type = await redis.type(key);
  return type === 'string' ? inString(redis, key) : openHash(redis, key);
}

/** {@link Spool.read} of what is stored under a key. */
export async function* readChecked(
  redis: RedisClient,
  key: string,
  mid: Mid,
  { sizeBytes, sha256 }: SpooledBody,
): AsyncGenerator<Buffer, void, undefined> {
  const stored = await find(redis, key, sizeBytes);
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
