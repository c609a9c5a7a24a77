import type { RedisClient } from './connect.ts';
import type { RedisKeys } from './keys.ts';

/** Numbers of policy documents: one document, one number, whichever replica asks first. */
export interface PolicyRevisions {
  /** The number of the document with this hash; a new one when it was never seen. Rejects when Redis is away. */
  revisionOf(sha256: string): Promise<number>;
}

/** KEYS: hash of numbers, counter. ARGV: SHA-256. Answers the number. */
const REVISION_OF = `
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then return tonumber(known) end
local revision = redis.call('INCR', KEYS[2])
redis.call('HSET', KEYS[1], ARGV[1], revision)
return revision
`;

export function createPolicyRevisions(redis: RedisClient, keys: RedisKeys): PolicyRevisions {
  return {
    async revisionOf(sha256) {
      return Number(await redis.eval(REVISION_OF, 2, keys.policyRevisions, keys.policyRevision, sha256));
    },
  };
}
