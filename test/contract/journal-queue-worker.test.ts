import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toMid } from '@tdc/core';
import { type JobDisposition, type JobHandler, SHORT_BODY_BYTES } from '@tdc/platform';
import { Queue } from 'bullmq';
import { gate } from '../support/gate.ts';
import { sampleCopy } from '../support/sample-copy.ts';
import { QUICK_LOCKS, useJournalQueue } from '../support/use-journal-queue.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();
const jobs = useJournalQueue(redis);
const DONE: JobDisposition = { kind: 'done' };
const copies = (count: number) => Array.from({ length: count }, (_, index) => sampleCopy(index + 1));
const isEmpty = async (): Promise<boolean> =>
  Object.values(await jobs.queue.depth()).every((count) => count === 0);

describe('a worker', () => {
  it('is handed each copy once, as it was queued, in order, and leaves nothing of it', async () => {
    const seen: unknown[] = [];
    jobs.startWorker(async (copy) => {
      seen.push(copy);
      return DONE;
    });
    await jobs.queue.add(copies(20));
    await waitUntil(async () => seen.length === 20 && (await isEmpty()));
    assert.deepEqual(
      seen,
      copies(20).map(({ mid, expiresAt }) => ({ mid, expiresAt })),
    );
    const left = await redis.client.keys('{tdc}:the.tdc.queue:mid-*');
    assert.deepEqual(left, []);
    assert.ok((await redis.client.xlen('{tdc}:the.tdc.queue:events')) < 400);
  });

  it('waits for jobs that come while it has none', async () => {
    const seen: number[] = [];
    jobs.startWorker(async ({ mid }) => {
      seen.push(mid);
      return DONE;
    });
    for (const mid of [1, 2, 3]) {
      await jobs.queue.add([sampleCopy(mid)]);
      await waitUntil(() => seen.includes(mid));
    }
    assert.deepEqual(jobs.errors, []);
  });

  it('hands a job out again at the time that the handler asked for, and others meanwhile', async () => {
    const seen: { readonly mid: number; readonly at: number }[] = [];
    let due = 0;
    jobs.startWorker(async ({ mid }) => {
      seen.push({ mid, at: Date.now() });
      if (mid !== 1 || due !== 0) return DONE;
      due = Date.now() + 300;
      return { kind: 'retry-at', at: due };
    });
    await jobs.queue.add(copies(3));
    await waitUntil(async () => seen.length === 4 && (await isEmpty()));
    assert.deepEqual(
      seen.map(({ mid }) => mid),
      [1, 2, 3, 1],
    );
    assert.ok((seen[3]?.at ?? 0) >= due);
    assert.deepEqual(await redis.client.keys('{tdc}:the.tdc.queue:mid-*'), []);
  });

  it('hands a job out again as often as the handler asks, and at once for a time that has passed', async () => {
    let handled = 0;
    jobs.startWorker(async () => {
      handled += 1;
      return handled < 30 ? { kind: 'retry-at', at: 0 } : DONE;
    });
    await jobs.queue.add([sampleCopy(1)]);
    await waitUntil(isEmpty);
    assert.equal(handled, 30);
  });

  it('brings a job back after a bug in the handler, and tells of the bug', async () => {
    let handled = 0;
    const told: unknown[] = [];
    const handler = async () => {
      handled += 1;
      if (handled === 1) throw new Error('a bug');
      return DONE;
    };
    jobs.startWorker(handler, { onUnhandled: (...why) => told.push(why) });
    await jobs.queue.add([sampleCopy(1)]);
    await waitUntil(async () => handled === 2 && (await isEmpty()));
    assert.deepEqual(told, [['handling mid-1 failed: a bug', 'failed']]);
  });

  it('leaves nothing of a job that is given up as one whose workers die over it', async () => {
    const seen: number[] = [];
    await jobs.queue.add(copies(2));
    await redis.client.hset('{tdc}:the.tdc.queue:mid-1', 'defa', 'job stalled more than allowable limit');
    jobs.startWorker(async ({ mid }) => {
      seen.push(mid);
      return DONE;
    });
    await waitUntil(async () => seen.length === 1 && (await isEmpty()));
    assert.deepEqual(seen, [2]);
    assert.deepEqual(await redis.client.keys('{tdc}:the.tdc.queue:mid-*'), []);
    assert.equal(await redis.client.exists('{tdc}:the.tdc.queue:failed'), 0);
  });

  it('does not run a job whose copy was removed', async () => {
    const seen: number[] = [];
    await jobs.queue.add(copies(2));
    await jobs.queue.remove(toMid(1));
    jobs.startWorker(async ({ mid }) => {
      seen.push(mid);
      return DONE;
    });
    await waitUntil(isEmpty);
    assert.deepEqual(seen, [2]);
  });

  it('holds its jobs: they cannot be removed, and are not handed to another', async () => {
    const { hold, started, releaseAll } = gate();
    jobs.startWorker(async ({ mid }) => {
      await hold(mid);
      return DONE;
    }, QUICK_LOCKS);
    await jobs.queue.add([sampleCopy(1)]);
    await waitUntil(() => started.length === 1);
    const others: number[] = [];
    jobs.startWorker(async ({ mid }) => {
      others.push(mid);
      return DONE;
    }, QUICK_LOCKS);
    assert.equal(await jobs.queue.remove(toMid(1)), 'held');
    // The lock is renewed three times over while another worker looks for jobs to take.
    const lock = '{tdc}:the.tdc.queue:mid-1:lock';
    for (let renewals = 0; renewals < 3; renewals += 1) {
      await waitUntil(async () => (await redis.client.pttl(lock)) < 300);
      await waitUntil(async () => (await redis.client.pttl(lock)) > 400);
    }
    await jobs.queue.add([sampleCopy(2)]);
    await waitUntil(() => others.length > 0);
    releaseAll();
    await waitUntil(isEmpty);
    assert.deepEqual(started, [1]);
    assert.deepEqual(others, [2]);
  });
});

describe('how many jobs a worker handles at once', () => {
  it('follows what it is told while it runs', async () => {
    const { hold, started, release, releaseAll, holding } = gate();
    const worker = jobs.startWorker(
      async ({ mid }) => {
        await hold(mid);
        return DONE;
      },
      { capacity: 2 },
    );
    await jobs.queue.add(copies(40));
    await waitUntil(() => holding() === 2);
    worker.setCapacity(5);
    release();
    await waitUntil(() => holding() === 5);
    worker.setCapacity(1);
    for (let done = 0; done < 4; done += 1) release();
    await waitUntil(async () => (await jobs.queue.depth()).active === 1);
    const before = started.length;
    release();
    await waitUntil(() => started.length === before + 1);
    assert.equal(holding(), 1);
    worker.setCapacity(0);
    worker.setCapacity(50);
    while (!(await isEmpty())) {
      releaseAll();
      await waitUntil(async () => holding() > 0 || (await isEmpty()));
    }
    assert.equal(started.length, 40);
  });

  it('grows at once, though none of those that it has is done', async () => {
    const { hold, releaseAll, holding } = gate();
    const worker = jobs.startWorker(
      async ({ mid }) => {
        await hold(mid);
        return DONE;
      },
      { capacity: 2 },
    );
    await jobs.queue.add(copies(9));
    for (const jobsAtOnce of [2, 3, 8]) {
      worker.setCapacity(jobsAtOnce);
      await waitUntil(() => holding() === jobsAtOnce, { what: `${jobsAtOnce} jobs at once` });
    }
    worker.setCapacity(9);
    await worker.drain(Date.now() + 100);
    assert.equal(holding(), 8);
    releaseAll();
  });
});

describe('a worker with jobs of several copies', () => {
  const job = (first: number, count: number) =>
    Array.from({ length: count }, (_, index) => sampleCopy(first + index));

  it('takes another job while it has room for a copy, and none when it has not', async () => {
    const started: (readonly number[])[] = [];
    const settle = new Map<number, () => void>();
    const end = new Map<number, () => void>();
    const worker = jobs.startJobWorker(
      ({ mids }, _signal, settled) => {
        const [first = 0] = mids;
        started.push(mids);
        settle.set(first, settled);
        return new Promise((resolve) => end.set(first, () => resolve(DONE)));
      },
      { capacity: 4 },
    );
    await jobs.jobs.add([job(1, 3), job(4, 3), job(7, 2), job(9, 1)]);
    await waitUntil(() => started.length === 2);
    assert.equal(worker.copiesInHand(), 6);
    settle.get(1)?.();
    settle.get(1)?.();
    assert.equal(started.length, 2);
    settle.get(4)?.();
    await waitUntil(() => started.length === 3, { what: 'a job taken for the copies that are done with' });
    assert.equal(worker.copiesInHand(), 5);
    end.get(4)?.();
    await waitUntil(() => started.length === 4);
    assert.equal(worker.copiesInHand(), 4);
    for (const done of end.values()) done();
    await waitUntil(isEmpty);
    assert.equal(worker.copiesInHand(), 0);
    assert.deepEqual(started, [[1, 2, 3], [4, 5, 6], [7, 8], [9]]);
  });

  it('drops a job that it does not understand, says so, and goes on', async () => {
    const seen: number[] = [];
    const others = new Queue('the.tdc.queue', { connection: redis.client, prefix: '{tdc}' });
    const strange = [
      { mid: 1 },
      { mids: 'x', expiresAt: 1 },
      { mids: ['1'], expiresAt: 1 },
      { mids: [1] },
      null,
    ];
    for (const [n, data] of strange.entries()) await others.add('copies', data, { jobId: `strange-${n}` });
    await others.close();
    const told: unknown[] = [];
    const handler: JobHandler = async ({ mids }) => {
      seen.push(...mids);
      return DONE;
    };
    jobs.startJobWorker(handler, { onUnhandled: (...why) => told.push(why) });
    await jobs.jobs.add([job(7, 2)]);
    await waitUntil(isEmpty);
    assert.deepEqual(seen, [7, 8]);
    assert.deepEqual(
      told,
      strange.map((_, n) => [`strange-${n} holds nothing that is understood: dropped`, 'not-understood']),
    );
  });

  it('says of a job whether its messages may be fetched together', async () => {
    const ofLength = (mid: number, sizeBytes: number) => sampleCopy(mid, { sizeBytes });
    await jobs.jobs.add([
      [sampleCopy(1), ofLength(2, SHORT_BODY_BYTES)],
      [sampleCopy(3), ofLength(4, SHORT_BODY_BYTES + 1)],
    ]);
    assert.equal((await jobs.jobs.find(toMid(1)))?.short, true);
    assert.equal((await jobs.jobs.find(toMid(3)))?.short, false);
  });

  it('finds a job by its first copy, and adds it once', async () => {
    await jobs.jobs.add([job(1, 3), []]);
    await jobs.jobs.add([job(1, 1)]);
    const { expiresAt } = sampleCopy(1);
    assert.deepEqual(await jobs.jobs.find(toMid(1)), { mids: [1, 2, 3], short: true, expiresAt });
    assert.equal(await jobs.jobs.find(toMid(2)), undefined);
    assert.equal((await jobs.jobs.depth()).waiting, 1);
  });
});

describe('a worker that drains', () => {
  it('finishes what it has and takes nothing more', async () => {
    const { hold, started, releaseAll } = gate();
    const worker = jobs.startWorker(async ({ mid }, signal) => {
      await hold(mid);
      assert.equal(signal.aborted, false);
      return DONE;
    });
    await jobs.queue.add(copies(3));
    await waitUntil(() => started.length === 1);
    const drained = worker.drain(Date.now() + 60_000);
    releaseAll();
    await drained;
    assert.deepEqual(started, [1]);
    assert.deepEqual(await jobs.queue.depth(), { waiting: 2, active: 0, delayed: 0 });
    assert.deepEqual(jobs.errors, []);
  });

  it('tells its handlers to stop at the deadline, and puts the job back as they say', async () => {
    let started = false;
    let told = false;
    const worker = jobs.startWorker(async (_copy, signal) => {
      started = true;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      told = true;
      return { kind: 'retry-at', at: 0 };
    });
    await jobs.queue.add([sampleCopy(1)]);
    await waitUntil(() => started);
    await worker.drain(Date.now());
    assert.equal(told, true);
    const { waiting, delayed, active } = await jobs.queue.depth();
    assert.deepEqual([waiting + delayed, active], [1, 0]);
  });

  it('leaves a handler that does not listen, and puts its job back', async () => {
    let started = false;
    const worker = jobs.startWorker(() => {
      started = true;
      return new Promise(() => undefined);
    });
    await jobs.queue.add([sampleCopy(1)]);
    await waitUntil(() => started);
    await worker.drain(Date.now());
    const seen: number[] = [];
    jobs.startWorker(async ({ mid }) => {
      seen.push(mid);
      return DONE;
    });
    await waitUntil(() => seen.length === 1, { what: 'the job handed to another worker' });
  });
});

describe('the progress of a worker', () => {
  it('goes on while no job waits, and stands still while jobs wait that it does not take', async () => {
    const idle = jobs.startWorker(async () => DONE);
    const stuck = jobs.startWorker(async () => DONE, { waitingJobs: async () => 5 });
    const blind = jobs.startWorker(async () => DONE, {
      waitingJobs: async () => {
        throw new Error('Redis is away');
      },
    });
    const [idleAt, stuckAt, blindAt] = [idle, stuck, blind].map((worker) => worker.lastProgressAt());
    await waitUntil(() => idle.lastProgressAt() !== idleAt && blind.lastProgressAt() !== blindAt);
    assert.equal(stuck.lastProgressAt(), stuckAt);
  });
});
