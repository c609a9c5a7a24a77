import assert from 'node:assert/strict';
import { it } from 'node:test';
import { KEEP_ALL } from './redis-server.ts';
import { useRedis } from './use-redis.ts';

const redis = useRedis(KEEP_ALL);

it('a test may leave a server that is there again, before its connection has tried it', async () => {
  await redis.client.set('left', 'behind');
  const waitsLong = new Promise<void>((resolve) => {
    redis.client.on('reconnecting', (delayMs: number) => {
      if (delayMs >= 500) resolve();
    });
  });
  await redis.server.stop();
  await waitsLong;
  await redis.server.start();
});

it('and the next one finds it empty, and its connection ready', async () => {
  assert.equal(await redis.client.get('left'), null);
});
