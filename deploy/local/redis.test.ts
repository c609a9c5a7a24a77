import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connectRedis, whenRedisReady } from '@tdc/platform';
import { createLeash } from '../../test/support/leash.ts';
import { startRedisServer } from '../../test/support/redis-server.ts';
import { startRedis, useRedis } from './redis.ts';

const problemsOf = async (url: string): Promise<readonly string[]> => {
  const provided = await useRedis(url);
  return provided.kind === 'unfit' ? provided.problems : [];
};

describe('a Redis of somebody else', () => {
  it('that does not answer is refused, without its password', async () => {
    const [problem = ''] = await problemsOf('redis://:geheim@127.0.0.1:1');
    assert.match(
      problem,
      /^Redis at redis:\/\/:\*\*\*@127\.0\.0\.1:1 \(TDC_REDIS_URL\) cannot be used: .*ECONNREFUSED/,
    );
  });

  it('that would throw copies away is refused', async () => {
    const redis = await startRedisServer(['--maxmemory-policy', 'allkeys-lru']);
    try {
      assert.match((await problemsOf(redis.url))[0] ?? '', /allkeys-lru: it must be noeviction/);
    } finally {
      await redis.remove();
    }
  });

  it('that is fit is used, and left alone in the end', async () => {
    const redis = await startRedisServer();
    try {
      const provided = await useRedis(redis.url);
      assert.equal(provided.kind, 'ready');
      await provided.redis.stop();
      assert.deepEqual(await problemsOf(redis.url), []);
    } finally {
      await redis.remove();
    }
  });
});

describe("npm start's own Redis", () => {
  it('keeps every second on disk, throws nothing away, and stops', async () => {
    const stateFolder = mkdtempSync(join(tmpdir(), 'tdc-own-redis-'));
    const provided = await startRedis({ stateFolder, port: 0, leash: createLeash(0) });
    assert.equal(provided.kind, 'ready');
    const { redis } = provided;
    const client = connectRedis(redis.url, { role: 'command' });
    try {
      assert.equal(await whenRedisReady(client, AbortSignal.timeout(10_000)), true);
      const pairs = (await client.config(
        'GET',
        'append*',
        'auto-aof*',
        'rdbcompression',
        'hash-max-ziplist-value',
        'zset-max-ziplist-entries',
        'maxmemory-policy',
      )) as readonly string[];
      const setting = (name: string) => pairs[pairs.indexOf(name) + 1];
      assert.equal(setting('appendonly'), 'yes');
      assert.equal(setting('auto-aof-rewrite-min-size'), String(512 * 1024 * 1024));
      assert.equal(setting('hash-max-ziplist-value'), '2048');
      assert.equal(setting('zset-max-ziplist-entries'), '0');
      assert.equal(setting('rdbcompression'), 'no');
      assert.equal(setting('appendfsync'), 'everysec');
      assert.equal(setting('maxmemory-policy'), 'noeviction');
    } finally {
      client.disconnect();
      await redis.stop();
      rmSync(stateFolder, { recursive: true, force: true });
    }
    await redis.exited;
  });
});
