import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createRedisKeys, isRedisReady, type JobDisposition } from '@tdc/platform';
import { KEEP_ALL } from '../support/redis-server.ts';
import { sampleCopy } from '../support/sample-copy.ts';
import { QUICK_LOCKS, useJournalQueue } from '../support/use-journal-queue.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis(KEEP_ALL);
const jobs = useJournalQueue(redis);
const DONE: JobDisposition = { kind: 'done' };
const isEmpty = async (): Promise<boolean> =>
  Object.values(await jobs.queue.depth()).every((count) => count === 0);
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Starts a process that takes a job and keeps it; resolves with the MID once it has one. */
async function startHangingWorker(): Promise<{ readonly child: ChildProcess; readonly mid: number }> {
  const script = fileURLToPath(new URL('../support/hanging-worker.ts', import.meta.url));
  const { lockMs, stalledCheckMs } = QUICK_LOCKS;
  const args = [redis.server.url, createRedisKeys().prefix, String(lockMs), String(stalledCheckMs)];
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, mid: Number(line.toString()) };
}

describe('a worker process that is killed', () => {
  it('loses no job, not even one that kills every worker it meets', async () => {
    await jobs.queue.add([sampleCopy(1)]);
    for (let deaths = 0; deaths < 3; deaths += 1) {
      const { child, mid } = await startHangingWorker();
      assert.equal(mid, 1);
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const seen: unknown[] = [];
    jobs.startWorker(async (copy) => {
      seen.push(copy);
      return DONE;
    }, QUICK_LOCKS);
    await waitUntil(async () => seen.length === 1 && (await isEmpty()), { withinSeconds: 20 });
    const { mid, expiresAt } = sampleCopy(1);
    assert.deepEqual(seen, [{ mid, expiresAt }]);
  });

  it('that only froze is told that its job was taken, and its answer changes nothing', async () => {
    let aborted = false;
    let answer: (disposition: JobDisposition) => void = () => undefined;
    jobs.startWorker((_copy, signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise((resolve) => {
        answer = resolve;
      });
    }, QUICK_LOCKS);
    await jobs.queue.add([sampleCopy(1)]);
    await waitUntil(async () => (await jobs.queue.depth()).active === 1);
    // What another worker does once the lock has run out: take the job.
    await redis.client.set('{tdc}:the.tdc.queue:mid-1:lock', 'another');
    await waitUntil(() => aborted);
    answer({ kind: 'retry-at', at: 0 });
    await waitUntil(() => jobs.errors.some((text) => /lock/i.test(text)));
    assert.equal(await jobs.queue.remove(sampleCopy(1).mid), 'held');
  });
});

describe('a worker whose Redis goes away', () => {
  for (const idle of [true, false]) {
    it(`goes on by itself when it is back, ${idle ? 'from idleness' : 'from the middle of a job'}`, async () => {
      const seen: number[] = [];
      let go: () => void = () => undefined;
      jobs.startWorker(async ({ mid }) => {
        seen.push(mid);
        if (mid === 1) {
          await new Promise<void>((resolve) => {
            go = resolve;
          });
        }
        return DONE;
      });
      if (!idle) {
        await jobs.queue.add([sampleCopy(1), sampleCopy(2)]);
        await waitUntil(() => seen.length === 1);
      }
      await redis.server.stop();
      go();
      await waitUntil(() => !isRedisReady(redis.client));
      // Longer than a worker waits for a job in one command.
      const lostAt = Date.now();
      if (idle) await waitUntil(() => Date.now() > lostAt + 6000);
      await redis.server.start();
      await waitUntil(() => isRedisReady(redis.client));
      await jobs.queue.add([sampleCopy(3)]);
      await waitUntil(async () => seen.includes(3) && (await isEmpty()));
      assert.deepEqual(seen, idle ? [3] : [1, 2, 3]);
    });
  }

  it('may be started before Redis', async () => {
    const seen: number[] = [];
    await redis.server.stop();
    await waitUntil(() => !isRedisReady(redis.client));
    jobs.startWorker(async ({ mid }) => {
      seen.push(mid);
      return DONE;
    });
    await redis.server.start();
    await waitUntil(() => isRedisReady(redis.client));
    await jobs.queue.add([sampleCopy(1)]);
    await waitUntil(async () => seen.length === 1 && (await isEmpty()));
  });

  it('drains in time without it, whether it has a job or not', async () => {
    for (const busy of [false, true]) {
      const client = redis.open({ role: 'blocking' });
      let started = false;
      const handler = async (_copy: unknown, signal: AbortSignal): Promise<JobDisposition> => {
        started = true;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return { kind: 'retry-at', at: 0 };
      };
      const worker = jobs.startWorker(handler, {}, client);
      if (busy) await jobs.queue.add([sampleCopy(1)]);
      await waitUntil(() => isRedisReady(client) && started === busy);
      await redis.server.stop();
      await waitUntil(() => !isRedisReady(client) && !isRedisReady(redis.client));
      await worker.drain(Date.now() + (busy ? 100 : 60_000));
      await redis.server.start();
      await waitUntil(() => isRedisReady(redis.client));
    }
  });
});
