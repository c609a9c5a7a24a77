import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobDisposition, JobHandler } from '@tdc/platform';
import { gate } from '../support/gate.ts';
import { sampleCopy } from '../support/sample-copy.ts';
import { useJournalQueue } from '../support/use-journal-queue.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();
const jobs = useJournalQueue(redis);
const DONE: JobDisposition = { kind: 'done' };
const job = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => sampleCopy(first + index));
const isEmpty = async (): Promise<boolean> =>
  Object.values(await jobs.queue.depth()).every((count) => count === 0);

describe('how a worker fetches jobs', () => {
  it('fetches the successors of jobs that end together as they end, not by calls of their own', async () => {
    const COUNT = 50;
    await jobs.jobs.add(Array.from({ length: COUNT }, (_, n) => job(n + 1, 1)));
    const { hold, holding, releaseAll } = gate();
    jobs.startJobWorker(
      async ({ mids: [mid = 0] }) => {
        await hold(mid);
        return DONE;
      },
      { capacity: 10 },
    );
    await waitUntil(() => holding() === 10);
    await redis.client.config('RESETSTAT');
    // Whether the queue is empty would be asked by a script, too.
    for (let done = 0; done < COUNT; done += 10) {
      await waitUntil(() => holding() === 10);
      releaseAll();
    }
    const calls = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1]);
    assert.ok(calls < 1.5 * COUNT, `${calls} calls for ${COUNT} jobs`);
  });

  it('asks once for each job of a queue that keeps up, and is woken once', async () => {
    const COUNT = 40;
    let done = 0;
    const handler: JobHandler = async () => {
      // As long as a copy takes with a peer near by.
      for (let trip = 0; trip < 5; trip += 1) await redis.client.ping();
      done += 1;
      return DONE;
    };
    jobs.startJobWorker(handler, { capacity: 10, stalledCheckMs: 60_000 });
    const handOver = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        const before = done;
        await jobs.jobs.add([job(before + 1, 1)]);
        await waitUntil(async () => done > before && (await isEmpty()));
      }
    };
    await handOver(2);
    await redis.client.config('RESETSTAT');
    await handOver(COUNT);
    const stats = await redis.client.info('commandstats');
    const callsOf = (name: string): number =>
      Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    // A job is looked for by taking it from the list of those that wait.
    assert.ok(callsOf('bzpopmin') < 1.2 * COUNT, `${callsOf('bzpopmin')} waits for ${COUNT} jobs`);
    assert.ok(callsOf('rpoplpush') < 2.2 * COUNT, `${callsOf('rpoplpush')} looks for ${COUNT} jobs`);
  });

  it('takes all that come at once, though no job had another behind it before', async () => {
    const { hold, holding, releaseAll } = gate();
    const handler: JobHandler = async ({ mids: [mid = 0] }) => {
      await hold(mid);
      return DONE;
    };
    jobs.startJobWorker(handler, { capacity: 10 });
    for (let mid = 1; mid <= 3; mid += 1) {
      await jobs.jobs.add([job(mid, 1)]);
      await waitUntil(() => holding() === mid);
    }
    await jobs.jobs.add([job(4, 1), job(5, 1), job(6, 1)]);
    await waitUntil(() => holding() === 6, { withinSeconds: 3, what: 'all six jobs in hand' });
    releaseAll();
    await waitUntil(isEmpty);
  });

  it('overlooks no job that comes while it looks whether any waits, nor one whose time has yet to come', async () => {
    const COUNT = 200;
    const begun = new Set<number>();
    const done = new Set<number>();
    const handler: JobHandler = async ({ mids: [mid = 0] }) => {
      const isLater = mid % 7 === 0 && !begun.has(mid);
      begun.add(mid);
      if (isLater) return { kind: 'retry-at', at: Date.now() + 20 };
      done.add(mid);
      return DONE;
    };
    for (let worker = 0; worker < 2; worker += 1) jobs.startJobWorker(handler, { capacity: 3 });
    for (let mid = 1; mid <= COUNT; mid += 1) {
      await jobs.jobs.add([job(mid, 1)]);
      // All but one in a dozen find the workers in the midst of the job before.
      if (mid % 12 === 0) await waitUntil(isEmpty, { withinSeconds: 3, what: `the end of job ${mid}` });
    }
    await waitUntil(isEmpty, { withinSeconds: 3 });
    assert.equal(done.size, COUNT);
  });
});
