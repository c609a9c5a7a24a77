import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigError } from '../process/config-error.ts';
import { type Environment, EnvReader } from '../process/env-reader.ts';
import { describeRedis, type RedisSettings, readRedisSettings, redactRedisUrl } from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'tdc-redis-settings-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'a-file');
writeFileSync(file, 'no PEM');

function settingsOf(env: Environment): RedisSettings {
  const read = new EnvReader(env);
  const settings = readRedisSettings(read);
  read.throwIfInvalid();
  return settings;
}

function problemsOf(env: Environment): readonly string[] {
  try {
    settingsOf(env);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
}

const ACCESS = { keyPrefix: '{tdc}', user: {} } as const;

describe('a Redis URL in the log', () => {
  const cases: readonly [url: string, shown: string][] = [
    ['redis://host:6379', 'redis://host:6379'],
    ['redis://host:6379/2', 'redis://host:6379/2'],
    ['/run/redis.sock', '/run/redis.sock'],
    ['redis://:s3cret@host:6379/0', 'redis://:***@host:6379/0'],
    ['rediss://user:s3cret@host', 'rediss://user:***@host'],
    ['redis://user:s3%40cret@host', 'redis://user:***@host'],
    ['redis://user:s3@cr:et@host', 'redis://user:***@host'],
    ['redis://user:s3/cret@host', 'redis://user:***@host'],
    ['redis://host?password=s3cret&db=1', 'redis://host?password=***&db=1'],
    ['/run/redis.sock?db=1&sentinelPassword=s3cret', '/run/redis.sock?db=1&sentinelPassword=***'],
  ];
  for (const [url, shown] of cases) it(`is ${shown}`, () => assert.equal(redactRedisUrl(url), shown));
});

describe('where Redis is', () => {
  it('is this machine, when nothing is said', () => {
    assert.deepEqual(settingsOf({}), { ...ACCESS, mode: 'standalone', url: 'redis://127.0.0.1:6379' });
  });

  it('may be one node in place of a URL', () => {
    const env = { TDC_REDIS_NODES: '[::1]:6380', TDC_REDIS_DATABASE: '3', TDC_REDIS_TLS: 'true' };
    const settings = settingsOf(env);
    assert.deepEqual(settings, {
      ...ACCESS,
      mode: 'standalone',
      url: 'redis://[::1]:6380',
      database: 3,
      tls: {},
    });
    assert.equal(describeRedis(settings), 'Redis at redis://[::1]:6380');
  });

  it('is what the Sentinels say', () => {
    const settings = settingsOf({
      TDC_REDIS_MODE: 'sentinel',
      TDC_REDIS_NODES: 's1:26379,s2:26379',
      TDC_REDIS_SENTINEL_MASTER: 'mail',
      TDC_REDIS_SENTINEL_PASSWORD_FILE: file,
      TDC_REDIS_USERNAME: 'tdc',
      TDC_REDIS_PASSWORD: 's3cret',
    });
    assert.deepEqual(settings, {
      keyPrefix: '{tdc}',
      user: { username: 'tdc', password: 's3cret' },
      mode: 'sentinel',
      sentinels: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 26_379 },
      ],
      master: 'mail',
      sentinelUser: { passwordFile: file },
      database: 0,
    });
    assert.equal(describeRedis(settings), "Redis 'mail' behind the Sentinels s1:26379, s2:26379");
  });

  it('is what the nodes of a Cluster say', () => {
    const settings = settingsOf({ TDC_REDIS_MODE: 'cluster', TDC_REDIS_NODES: 'c1:6379' });
    assert.deepEqual(settings, { ...ACCESS, mode: 'cluster', nodes: [{ host: 'c1', port: 6379 }] });
    assert.equal(describeRedis(settings), 'Redis Cluster at c1:6379');
  });
});

describe('what does not go together is refused', () => {
  const NODES = 'h:6379';
  const cases: readonly [name: string, env: Environment, problem: RegExp][] = [
    [
      'a URL and a node',
      { TDC_REDIS_URL: 'redis://h', TDC_REDIS_NODES: NODES },
      /_URL and TDC_REDIS_NODES are both/,
    ],
    ['two single servers', { TDC_REDIS_NODES: 'a:1,b:1' }, /names 2 servers .* must be sentinel or cluster/],
    [
      'Sentinels that are not named',
      { TDC_REDIS_MODE: 'sentinel', TDC_REDIS_SENTINEL_MASTER: 'm' },
      /name the Sentinels/,
    ],
    [
      'Sentinels without a master',
      { TDC_REDIS_MODE: 'sentinel', TDC_REDIS_NODES: NODES },
      /SENTINEL_MASTER is not set/,
    ],
    ['a master without Sentinels', { TDC_REDIS_SENTINEL_MASTER: 'm' }, /TDC_REDIS_MODE is not sentinel/],
    ['a Cluster without nodes', { TDC_REDIS_MODE: 'cluster' }, /some nodes of the Cluster/],
    [
      'a Cluster at a URL',
      { TDC_REDIS_MODE: 'cluster', TDC_REDIS_NODES: NODES, TDC_REDIS_URL: 'redis://h' },
      /names one server/,
    ],
    [
      'a Cluster with a database',
      { TDC_REDIS_MODE: 'cluster', TDC_REDIS_NODES: NODES, TDC_REDIS_DATABASE: '3' },
      /_DATABASE is 3: a Redis Cluster has database 0 alone/,
    ],
    [
      'a Cluster without a hash tag',
      { TDC_REDIS_MODE: 'cluster', TDC_REDIS_NODES: NODES, TDC_REDIS_KEY_PREFIX: 'tdc' },
      /name in braces/,
    ],
    ['two databases', { TDC_REDIS_URL: 'redis://h/1', TDC_REDIS_DATABASE: '2' }, /names a database, too/],
    ['two users', { TDC_REDIS_URL: 'redis://:p@h', TDC_REDIS_PASSWORD: 'x' }, /holds a user/],
    ['two passwords', { TDC_REDIS_PASSWORD: 'x', TDC_REDIS_PASSWORD_FILE: file }, /both set/],
    ['a user without a password', { TDC_REDIS_USERNAME: 'x' }, /without a password/],
    [
      'a password file that is not there',
      { TDC_REDIS_PASSWORD_FILE: join(folder, 'none') },
      /a file that can be read/,
    ],
    ['an authority without TLS', { TDC_REDIS_TLS_CA_FILE: file }, /set TDC_REDIS_TLS=true/],
    [
      'an authority that is none',
      { TDC_REDIS_TLS: 'on', TDC_REDIS_TLS_CA_FILE: file },
      /holds no certificate/,
    ],
    [
      'a certificate without its key',
      { TDC_REDIS_URL: 'rediss://h', TDC_REDIS_TLS_CERT_FILE: file },
      /go together/,
    ],
    [
      'a certificate that is none',
      { TDC_REDIS_TLS: 'on', TDC_REDIS_TLS_CERT_FILE: file, TDC_REDIS_TLS_KEY_FILE: file },
      /cannot be used/,
    ],
  ];
  for (const [name, env, problem] of cases) {
    it(name, () => {
      const problems = problemsOf(env);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', problem);
    });
  }

  it('all of it at once, and no secret among it', () => {
    const problems = problemsOf({
      TDC_REDIS_MODE: 'cluster',
      TDC_REDIS_URL: 'redis://:s3cret@h',
      TDC_REDIS_DATABASE: '1',
      TDC_REDIS_KEY_PREFIX: 'x',
      TDC_REDIS_PASSWORD: 's3cret',
      TDC_REDIS_PASSWORD_FILE: file,
    });
    assert.equal(problems.length, 5);
    assert.doesNotMatch(problems.join('\n'), /s3cret/);
  });
});
