import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { redactRedisUrl } from './connect.ts';

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
