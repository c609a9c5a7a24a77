import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
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
  const sign = (random: string): string =>
    createHmac('sha256', secret).update(random).digest('hex').slice(0, SIGNATURE_LENGTH);
  const isOurs = (id: string): boolean => {
    // The form first: anybody may write anything here, and octets of another length make the comparison throw.
    if (!WHOLE_ID.test(id)) return false;
    const [random = '', signature = ''] = id.split('-');
    return timingSafeEqual(Buffer.from(signature), Buffer.from(sign(random)));
  };
  return {
    create() {
      const random = randomBytes(RANDOM_BYTES).toString('hex');
      return `${random}-${sign(random)}`;
    },
    isOurs,
    findOurs: (text) => [...text.matchAll(ID)].map((match) => match[0]).find(isOurs),
  };
}

/** The key that all processes on one Redis share; made by the first of them. */
export async function loadJournalIdSecret(redis: RedisClient, key: string): Promise<Buffer> {
  await redis.set(key, randomBytes(32).toString('hex'), 'NX');
  const secret = await redis.get(key);
  if (secret === null) throw new Error(`the key ${key} vanished while it was being read`);
  return Buffer.from(secret, 'hex');
}
