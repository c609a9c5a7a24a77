import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { toDcid } from '@tdc/core';
import {
  CONNECTION_LEASE_MS,
  createConnectionCeiling,
  createRedisKeys,
  SERVED_LATELY_MS,
} from '@tdc/platform';
import { useRedis } from '../support/use-redis.ts';

const redis = useRedis();
const keys = createRedisKeys();
let time = 0;
const now = () => time;
const worker = (name: string) => createConnectionCeiling(redis.client, keys, { worker: name, now });

beforeEach(() => {
  time = Date.now();
});

describe('the ceiling on connections', () => {
  it('is never passed, whoever asks at the same time', async () => {
    const workers = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (name) =>
        createConnectionCeiling(await redis.connect(), keys, { worker: name, now }),
      ),
    );
    const asked = workers.flatMap((one, index) =>
      Array.from({ length: 10 }, (_, dcid) => one.acquire('primary', toDcid(index * 10 + dcid + 1), 7)),
    );
    assert.equal((await Promise.all(asked)).filter(Boolean).length, 7);
    assert.equal(await workers[0]?.count('primary'), 7);
  });

  it('frees a place with each connection that is closed', async () => {
    const one = worker('a');
    assert.equal(await one.acquire('primary', toDcid(1), 1), true);
    assert.equal(await worker('b').acquire('primary', toDcid(2), 1), false);
    await one.release('primary', toDcid(1));
    await one.release('primary', toDcid(1));
    assert.equal(await worker('b').acquire('primary', toDcid(2), 1), true);
  });

  it('is one per intake', async () => {
    const one = worker('a');
    assert.equal(await one.acquire('primary', toDcid(1), 1), true);
    assert.equal(await one.acquire('second', toDcid(2), 1), true);
    assert.equal(await one.count('primary'), 1);
    assert.equal(await one.count('never'), 0);
  });

  it('lets nobody in at 0', async () => {
    assert.equal(await worker('a').acquire('primary', toDcid(1), 0), false);
  });

  it('takes a connection that asks twice for one', async () => {
    const one = worker('a');
    assert.equal(await one.acquire('primary', toDcid(1), 1), true);
    assert.equal(await one.acquire('primary', toDcid(1), 1), true);
    assert.equal(await one.count('primary'), 1);
  });

  it('knows the workers behind the connections, whatever their names', async () => {
    const one = worker('pod/with/slashes');
    await one.acquire('primary', toDcid(1), 9);
    await one.acquire('primary', toDcid(2), 9);
    await worker('b').acquire('primary', toDcid(3), 9);
    assert.equal(await one.workers('primary'), 2);
    assert.equal(await one.workers('second'), 0);
  });
});

describe('who is served by a destination', () => {
  it('is known to the other workers, for a while', async () => {
    const [one, other] = [worker('a'), worker('b')];
    assert.equal(await other.servesOthers('primary'), false);
    await one.served('primary');
    assert.deepEqual(await Promise.all([one, other].map((each) => each.servesOthers('primary'))), [
      false,
      true,
    ]);
    assert.equal(await other.servesOthers('second'), false);
    time += SERVED_LATELY_MS;
    assert.equal(await other.servesOthers('primary'), true);
    time += 1;
    assert.equal(await other.servesOthers('primary'), false);
  });

  it('is told once a second, of each destination', async () => {
    const one = worker('a');
    await one.served('primary');
    time += 999;
    assert.equal(one.served('primary'), undefined);
    assert.notEqual(one.served('second'), undefined);
    time += 1;
    await one.served('primary');
    assert.equal(await redis.client.zscore(keys.served('primary'), 'a'), String(time));
  });

  it('is forgotten, whoever else goes on to be served', async () => {
    const [one, other] = [worker('a'), worker('b')];
    await one.served('primary');
    time += 60_000;
    await other.served('primary');
    assert.deepEqual(await redis.client.zrange(keys.served('primary'), '0', '-1'), ['b']);
    assert.ok((await redis.client.pttl(keys.served('primary'))) > 0);
  });
});

describe('the lease of a connection', () => {
  it('of a worker that died runs out by itself', async () => {
    await worker('dead').acquire('primary', toDcid(1), 1);
    time += CONNECTION_LEASE_MS - 1;
    assert.equal(await worker('b').acquire('primary', toDcid(2), 1), false);
    time += 1;
    assert.equal(await worker('b').count('primary'), 0);
    assert.equal(await worker('b').acquire('primary', toDcid(2), 1), true);
  });

  it('lasts while its worker renews it', async () => {
    const one = worker('a');
    await one.acquire('primary', toDcid(1), 2);
    await one.acquire('second', toDcid(2), 2);
    for (let round = 0; round < 3; round += 1) {
      time += CONNECTION_LEASE_MS - 1;
      await one.renew();
    }
    assert.equal(await one.count('primary'), 1);
    assert.equal(await one.count('second'), 1);
  });

  it('is not renewed once it was given back, nor when there is none', async () => {
    const one = worker('a');
    await one.renew();
    await one.acquire('primary', toDcid(1), 2);
    await one.release('primary', toDcid(1));
    await one.renew();
    assert.equal(await one.count('primary'), 0);
  });

  it('is there again after Redis lost it, with the next renewal', async () => {
    const one = worker('a');
    await one.acquire('primary', toDcid(1), 2);
    await redis.client.flushall();
    await one.renew();
    assert.equal(await one.count('primary'), 1);
  });

  it('leaves no key behind when everybody is gone', async () => {
    await worker('a').acquire('primary', toDcid(1), 2);
    assert.ok((await redis.client.pttl(keys.connections('primary'))) > 0);
    await worker('a').release('primary', toDcid(1));
    assert.equal(await redis.client.exists(keys.connections('primary')), 0);
  });
});
