import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { createIdSequence, createRedisKeys, type IdSequence } from '@tdc/platform';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();
const key = createRedisKeys().sequence('mid');
const soon = () => AbortSignal.timeout(5000);
let sequence: IdSequence;

beforeEach(async () => {
  sequence = createIdSequence(redis.client, key, 10);
  assert.equal(await sequence.ready(soon()), true);
});

/** Takes `count` numbers, waiting for the store where the hand is empty. */
async function take(from: IdSequence, count: number): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.length < count) {
    const next = from.next();
    if (next !== undefined) numbers.push(next);
    else assert.equal(await from.ready(soon()), true);
  }
  return numbers;
}

describe('a sequence of numbers', () => {
  it('begins at 1 and goes up by one while one process takes them', async () => {
    assert.deepEqual(
      await take(sequence, 25),
      Array.from({ length: 25 }, (_, index) => index + 1),
    );
  });

  it('gives no number twice, over any number of processes', async () => {
    const sequences = await Promise.all(
      Array.from({ length: 4 }, async () => createIdSequence(await redis.connect(), key, 7)),
    );
    const taken = (await Promise.all([...sequences, sequence].map((one) => take(one, 200)))).flat();
    assert.equal(new Set(taken).size, 1000);
  });

  it('fetches the next block before the last is used up', async () => {
    await take(sequence, 6);
    await waitUntil(async () => (await redis.client.get(key)) === '20');
    assert.equal((await take(sequence, 1))[0], 7);
  });

  it('has blocks of 100 unless told otherwise', async () => {
    const usual = createIdSequence(redis.client, key);
    await usual.ready(soon());
    assert.equal(await redis.client.get(key), '110');
  });
});

describe('without Redis', () => {
  it('the numbers in hand are given out, then none', async () => {
    await redis.server.stop();
    const numbers = Array.from({ length: 12 }, () => sequence.next());
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, undefined, undefined]);
    assert.equal(await sequence.ready(AbortSignal.timeout(50)), false);
    await redis.server.start();
    assert.equal(await sequence.ready(soon()), true);
  });

  it('that lost its data no number is given twice by one process', async () => {
    const before = await take(sequence, 10);
    await redis.client.flushall();
    const after = await take(sequence, 50);
    assert.equal(new Set([...before, ...after]).size, 60);
  });

  it('that lost its data a newcomer follows the process that knows more', async () => {
    await take(sequence, 100);
    await redis.client.flushall();
    await take(sequence, 40);
    const newcomer = createIdSequence(redis.client, key, 10);
    await newcomer.ready(soon());
    assert.ok((newcomer.next() ?? 0) > 140);
  });
});
