import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkRedisServer, redisMemory } from './check-server.ts';
import type { RedisClient } from './connect.ts';
import { createRedisKeys } from './keys.ts';

/** A server that answers INFO with these lines. */
const answering = (...lines: readonly string[]): RedisClient =>
  ({ info: async () => `# Server\r\n${lines.join('\r\n')}\r\n` }) as unknown as RedisClient;

/** What there is to say against a server that answers so. */
const check = (...lines: readonly string[]) => checkRedisServer(answering(...lines), createRedisKeys());

const NO_EVICTION = 'maxmemory_policy:noeviction';

describe('a server is fit to hold mail', () => {
  const fit: readonly [name: string, lines: readonly string[]][] = [
    ['Redis 7', ['redis_version:7.0.15', NO_EVICTION]],
    ['a Redis newer than any known', ['redis_version:12.0.1', NO_EVICTION]],
    // Valkey tells its own version beside the Redis version that it stands in for.
    ['Valkey 8', ['redis_version:7.2.4', 'server_name:valkey', 'valkey_version:8.1.0', NO_EVICTION]],
    ['a server that keeps its policy to itself', ['redis_version:7.4.0']],
  ];
  for (const [name, lines] of fit) {
    it(`when it is ${name}`, async () => assert.deepEqual(await check(...lines), []));
  }

  it('not when it is too old', async () => {
    const problems = await check('redis_version:6.2.14', NO_EVICTION);
    assert.deepEqual(problems, ['Redis 6.2.14 is too old: version 7 or newer is needed']);
  });

  it('not when it evicts keys, and every problem is told at once', async () => {
    const problems = await check('redis_version:5.0.7', 'maxmemory_policy:volatile-lru');
    assert.equal(problems.length, 2);
    assert.match(problems[1] ?? '', /maxmemory-policy volatile-lru/);
  });

  it('not when it is something else than TDC_REDIS_MODE says', async () => {
    assert.deepEqual(await check('redis_version:7.0.15', 'redis_mode:cluster', NO_EVICTION), [
      'this Redis is a Cluster: set TDC_REDIS_MODE=cluster',
    ]);
    assert.deepEqual(await check('redis_version:7.0.15', 'redis_mode:sentinel'), [
      'this is a Sentinel and no Redis: set TDC_REDIS_MODE=sentinel',
    ]);
  });

  it('not yet when it is a replica', async () => {
    await assert.rejects(check('redis_version:7.0.15', 'role:slave', NO_EVICTION), /a replica/);
  });

  it('not when what it says is no INFO at all', async () => {
    assert.deepEqual(await check('hello'), ['what answers is no Redis: it does not tell its version']);
  });
});

describe('the memory of a server', () => {
  it('is what INFO tells, its limit 0 when there is none', async () => {
    const memory = await redisMemory(
      answering('used_memory:1000', 'used_memory_human:1K', 'maxmemory:0'),
      createRedisKeys(),
    );
    assert.deepEqual(memory, { usedBytes: 1000, limitBytes: 0 });
  });
});
