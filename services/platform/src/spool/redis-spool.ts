import type { RedisClient } from '../redis/connect.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { createScriptRunner } from '../redis/run-script.ts';
import { createChunks } from './chunk.ts';
import { ChunkedWriter } from './chunked-writer.ts';
import { readChecked } from './read-checked.ts';
import { type Spool, SpoolError, type SpoolOptions } from './spool.ts';

/**
 * The spool in Redis. A short message is left to its commit, and is a string; a longer one is a hash of its chunks, each
 * stored while the next is received, so that memory stays flat: a string that grows is copied as a whole time and again.
 * Every command sets the time to live: what a crash leaves behind goes by itself.
 */
export function createSpool(redis: RedisClient, keys: RedisKeys, options: SpoolOptions): Spool {
  const { run } = createScriptRunner(redis, keys.counters, keys.prefix);
  const common = { redis, run, chunks: createChunks(), options };
  return {
    open: (mid) => new ChunkedWriter(keys.spool(mid), common),
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
