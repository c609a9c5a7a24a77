import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closeRedis, connectRedis, createRedisLink, isRedisReady, whenRedisReady } from '@tdc/platform';
import { rememberingLog } from '../support/remembering-log.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();

describe('a connection of the command role', () => {
  it('fails commands at once while Redis was never there, and serves when it comes', async () => {
    await redis.server.stop();
    const errors: string[] = [];
    const client = connectRedis(redis.server.url, { role: 'command', onError: (text) => errors.push(text) });
    await assert.rejects(client.get('x'), /writeable/);
    await waitUntil(() => errors.length > 0);
    assert.equal(await whenRedisReady(client, AbortSignal.timeout(50)), false);
    assert.equal(await whenRedisReady(client, AbortSignal.abort()), false);
    await redis.server.start();
    assert.equal(await whenRedisReady(client, AbortSignal.timeout(5000)), true);
    assert.equal(await client.get('x'), null);
    await closeRedis(client);
  });

  it('is not ready while Redis is away, fails commands at once, and is back soon after Redis', async () => {
    const client = await redis.connect();
    await redis.server.stop();
    await waitUntil(() => !isRedisReady(client));
    await assert.rejects(client.get('x'));
    await redis.server.start();
    await waitUntil(() => isRedisReady(client), { withinSeconds: 3 });
    assert.equal(await client.get('x'), null);
  });

  it('gives a frozen Redis its time, then a new connection', async () => {
    const errors: string[] = [];
    const client = await redis.connect({ commandTimeoutSeconds: 0.2, onError: (text) => errors.push(text) });
    redis.server.signal('SIGSTOP');
    try {
      await assert.rejects(client.get('x'), /timed out/);
      await waitUntil(() => !isRedisReady(client), { what: 'the silent connection given up' });
      await waitUntil(() => errors.some((text) => text.includes('Socket timeout')));
    } finally {
      redis.server.signal('SIGCONT');
    }
    await waitUntil(() => isRedisReady(client));
    assert.equal(await client.get('x'), null);
  });

  it('closes at once when Redis is frozen', async () => {
    const client = await redis.connect();
    redis.server.signal('SIGSTOP');
    try {
      await closeRedis(client);
      assert.equal(isRedisReady(client), false);
    } finally {
      redis.server.signal('SIGCONT');
    }
    await closeRedis(client);
  });
});

describe('a connection of the blocking role', () => {
  it('waits for Redis as long as it takes', async () => {
    const client = await redis.connect({ role: 'blocking' });
    await redis.server.stop();
    const answer = client.set('x', '1');
    await waitUntil(() => !isRedisReady(client));
    await redis.server.start();
    assert.equal(await answer, 'OK');
  });
});

describe('the address', () => {
  for (const form of ['', 'unix:', 'unix://']) {
    it(`may be the path of a socket behind '${form}'`, async () => {
      const client = connectRedis(`${form}${redis.server.url}`, { role: 'command' });
      assert.equal(await whenRedisReady(client, AbortSignal.timeout(5000)), true);
      await closeRedis(client);
    });
  }
});

describe('a link', () => {
  it('says once that Redis is lost and once that it is back', async () => {
    const log = rememberingLog();
    const link = createRedisLink(redis.server.url, { role: 'command', log });
    assert.equal(await link.whenUsable(AbortSignal.timeout(5000)), true);
    await redis.server.stop();
    await waitUntil(() => log.names.includes('redis-lost'));
    await redis.server.start();
    await waitUntil(() => link.isReady());
    await link.close();
    assert.deepEqual(log.names, ['redis-ready', 'redis-lost', 'redis-ready']);
    assert.match(log.texts.at(-1) ?? '', /is back$/);
  });

  it('of several of one process can be silent', async () => {
    const log = rememberingLog();
    const link = createRedisLink(redis.server.url, { role: 'command', log, silent: true });
    await link.whenUsable(AbortSignal.timeout(5000));
    await link.close();
    assert.deepEqual(log.names, []);
  });

  it('waits for Redis until told to stop', async () => {
    await redis.server.stop();
    const link = createRedisLink(redis.server.url, { role: 'command', log: rememberingLog() });
    assert.equal(await link.whenUsable(AbortSignal.timeout(50)), false);
    const usable = link.whenUsable(AbortSignal.timeout(5000));
    await redis.server.start();
    assert.equal(await usable, true);
    await link.close();
  });

  it('refuses a Redis that throws keys away, in words an operator can act on', async () => {
    await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const link = createRedisLink(redis.server.url, { role: 'command', log: rememberingLog() });
    try {
      await assert.rejects(link.whenUsable(AbortSignal.timeout(5000)), {
        name: 'ConfigError',
        problems: [
          'Redis has maxmemory-policy allkeys-lru: it must be noeviction, or queued copies can vanish',
        ],
      });
    } finally {
      await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
      await link.close();
    }
  });
});

describe('a Redis with users', () => {
  const open = async (user: string, password: string, log = rememberingLog()) => {
    const url = `${redis.server.url}?username=${user}&password=${password}`;
    return createRedisLink(url, { role: 'command', log });
  };

  it('serves a user who may read INFO and not CONFIG', async () => {
    await redis.client.call(
      'ACL',
      'SETUSER',
      'tdc',
      'on',
      '>s3cret',
      '~{tdc}:*',
      '+@all',
      '-@dangerous',
      '+info',
    );
    const link = await open('tdc', 's3cret');
    assert.equal(await link.whenUsable(AbortSignal.timeout(5000)), true);
    await link.close();
  });

  it('is refused for a user who may not read INFO', async () => {
    await redis.client.call('ACL', 'SETUSER', 'blind', 'on', '>s3cret', '~{tdc}:*', '+@all', '-info');
    const link = await open('blind', 's3cret');
    await assert.rejects(link.whenUsable(AbortSignal.timeout(5000)), /INFO/);
    await link.close();
  });

  it('with a wrong password is never usable, and the log tells why without any password', async () => {
    await redis.client.call('ACL', 'SETUSER', 'tdc', 'reset', 'on', '>s3cret');
    const log = rememberingLog();
    const link = await open('tdc', 'wr0ng', log);
    await waitUntil(() => log.texts.length > 0);
    await link.close();
    assert.match(log.texts.join('\n'), /WRONGPASS/);
    assert.doesNotMatch(log.texts.join('\n'), /wr0ng|s3cret/);
  });
});
