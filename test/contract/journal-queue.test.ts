import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { type JournalCopy, toMid } from '@tdc/core';
import { createJournalQueue, createRedisKeys } from '@tdc/platform';
import { sampleCopy } from '../support/sample-copy.ts';
import { forEachCopy, type JournalQueue } from '../support/use-journal-queue.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();
const { prefix } = createRedisKeys();
const errors: string[] = [];
const queues: JournalQueue[] = [];
let queue: JournalQueue;

const open = async (client = redis.client, timeoutSeconds = 5): Promise<JournalQueue> => {
  const options = { prefix, timeoutSeconds, onError: (message: string) => void errors.push(message) };
  const opened = forEachCopy(await createJournalQueue(client, options));
  queues.push(opened);
  return opened;
};

beforeEach(async () => {
  queue = await open();
});
after(() => Promise.all(queues.map((one) => one.close())));

const copies = (count: number): JournalCopy[] =>
  Array.from({ length: count }, (_, index) => sampleCopy(index + 1));
const waiting = async (): Promise<number> => (await queue.depth()).waiting;

describe('the queue of copies', () => {
  it('takes one job per copy, one or many at a time', async () => {
    await queue.add([]);
    await queue.add([sampleCopy(1)]);
    await queue.add([sampleCopy(2), sampleCopy(3)]);
    assert.deepEqual(await queue.depth(), { waiting: 3, active: 0, delayed: 0 });
    assert.equal(await queue.has(toMid(2)), true);
    assert.equal(await queue.has(toMid(4)), false);
  });

  it('takes a MID that is queued already for the same job', async () => {
    await queue.add([sampleCopy(1)]);
    await queue.add([sampleCopy(1)]);
    await queue.add([sampleCopy(1), sampleCopy(2)]);
    assert.equal(await waiting(), 2);
  });

  it('removes a job that nobody works on', async () => {
    await queue.add(copies(2));
    assert.equal(await queue.remove(toMid(1)), 'removed');
    assert.equal(await queue.remove(toMid(1)), 'missing');
    assert.equal(await waiting(), 1);
  });

  it('keeps every key under the prefix, and no message content in any', async () => {
    await queue.add([sampleCopy(1)]);
    for (const key of await redis.client.keys('*')) assert.match(key, /^\{tdc\}:the\.tdc\.queue:/);
    const job = await redis.client.hgetall('{tdc}:the.tdc.queue:mid-1');
    const { expiresAt } = sampleCopy(1);
    assert.deepEqual(JSON.parse(job['data'] ?? ''), { mids: [1], short: true, expiresAt });
  });

  it('keeps its stream of events short', async () => {
    await queue.add(copies(1000));
    assert.ok((await redis.client.xlen('{tdc}:the.tdc.queue:events')) < 400);
  });
});

describe('the queue without Redis', () => {
  it('rejects a call at once, and serves again by itself when Redis is back', async () => {
    const client = await redis.connect();
    const mine = await open(client);
    await mine.add([sampleCopy(1)]);
    await redis.server.stop();
    await waitUntil(() => client.status !== 'ready');
    await assert.rejects(mine.add([sampleCopy(2)]));
    await assert.rejects(mine.add([sampleCopy(2), sampleCopy(3)]));
    await assert.rejects(mine.depth());
    await assert.rejects(mine.has(toMid(1)));
    await assert.rejects(mine.remove(toMid(1)));
    await redis.server.start();
    await waitUntil(() => client.status === 'ready');
    await mine.add([sampleCopy(2)]);
    assert.equal((await mine.depth()).waiting, 1);
  });

  it('rejects a call in time when Redis is frozen, and the same call may be made again', async () => {
    const client = await redis.connect({ commandTimeoutSeconds: 60 });
    const mine = await open(client, 0.2);
    redis.server.signal('SIGSTOP');
    try {
      await assert.rejects(mine.add([sampleCopy(1)]), /did not answer within 200 ms/);
      await assert.rejects(mine.add([sampleCopy(2), sampleCopy(3)]), /did not answer within 200 ms/);
    } finally {
      redis.server.signal('SIGCONT');
    }
    await mine.add(copies(3));
    assert.equal((await mine.depth()).waiting, 3);
  });

  it('cannot be opened, and can when Redis is there', async () => {
    const client = await redis.connect();
    await redis.server.stop();
    await waitUntil(() => client.status !== 'ready');
    await assert.rejects(open(client, 0.2), /did not answer/);
    await redis.server.start();
    await waitUntil(() => client.status === 'ready');
    const mine = await open(client);
    await mine.add([sampleCopy(1)]);
    assert.equal((await mine.depth()).waiting, 1);
  });

  it('leaves the connection to its owner when it is closed', async () => {
    const client = await redis.connect();
    await (await open(client)).close();
    assert.equal(await client.ping(), 'PONG');
  });
});
