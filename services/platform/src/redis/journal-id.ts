import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { RedisClient } from './connect.ts';

/**
 * Journal ids: unguessable, and signed with a key that only we hold. So a copy that comes back is recognised, and nobody
 * can keep his mail from being journaled by putting such an id on it himself.
 */
export interface JournalIds {
  create(): string;
  /** Whether the text is an id that we made. */
  isOurs(id: string): boolean;
  /** The first id of ours that stands anywhere in the text. */
  findOurs(text: string): string | undefined;
}

const RANDOM_BYTES = 12;
const SIGNATURE_LENGTH = 24;
const ID = /\b[0-9a-f]{24}-[0-9a-f]{24}\b/g;
const WHOLE_ID = new RegExp(`^${ID.source}$`);

export function createJournalIds(secret: Buffer): JournalIds {
  const hmac = createHmacSha256(secret);
  const random = createRandomTexts();
  const sign = (text: string): string => hmac(text).slice(0, SIGNATURE_LENGTH);
  const isOurs = (id: string): boolean => {
    // The form first: anybody may write anything here, and octets of another length make the comparison throw.
    if (!WHOLE_ID.test(id)) return false;
    const [text = '', signature = ''] = id.split('-');
    return timingSafeEqual(Buffer.from(signature), Buffer.from(sign(text)));
  };
  return {
    create() {
      const text = random();
      return `${text}-${sign(text)}`;
    },
    isOurs,
    findOurs: (text) => [...text.matchAll(ID)].map((match) => match[0]).find(isOurs),
  };
}

const BLOCK_BYTES = 64;

/**
 * HMAC-SHA-256 (RFC 2104) in hex, by hashing twice: an object of the library for each id costs more than both. The key is
 * at most 64 octets.
 */
export function createHmacSha256(key: Buffer): (text: string) => string {
  const padded = Buffer.concat([key, Buffer.alloc(BLOCK_BYTES - key.length)]);
  const inner = padded.map((octet) => octet ^ 0x36);
  const outer = padded.map((octet) => octet ^ 0x5c);
  return (text) => {
    const digest = hash('sha256', Buffer.concat([inner, Buffer.from(text)]), 'buffer');
    return hash('sha256', Buffer.concat([outer, digest]), 'hex');
  };
}

/** Random octets are taken from the system for so many ids at once. */
const RANDOM_AT_ONCE = 256;

function createRandomTexts(): () => string {
  let octets = Buffer.alloc(0);
  let at = 0;
  return () => {
    if (at === octets.length) {
      octets = randomBytes(RANDOM_BYTES * RANDOM_AT_ONCE);
      at = 0;
    }
    at += RANDOM_BYTES;
    return octets.toString('hex', at - RANDOM_BYTES, at);
  };
}

/** The key that all processes on one Redis share; made by the first of them. */
export async function loadJournalIdSecret(redis: RedisClient, key: string): Promise<Buffer> {
  await redis.set(key, randomBytes(32).toString('hex'), 'NX');
  const secret = await redis.get(key);
  if (secret === null) throw new Error(`the key ${key} vanished while it was being read`);
  return Buffer.from(secret, 'hex');
}
