import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  accountingDifference,
  activeRecipients,
  completedRecipients,
  type JournalCopy,
  queueTotals,
  skippedMessages,
  toDcid,
} from '@tdc/core';
import {
  createIdSequence,
  createJournalQueue,
  createLedger,
  createRedisKeys,
  createSpool,
  isRedisReady,
  type JournalQueue,
  type Ledger,
  type RedisClient,
  type Spool,
} from '@tdc/platform';
import { KEEP_ALL } from '../support/redis-server.ts';
import { SAMPLE_TIME, sampleCopy } from '../support/sample-copy.ts';
import { useJournalQueue } from '../support/use-journal-queue.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis(KEEP_ALL);
const jobs = useJournalQueue(redis);
const keys = createRedisKeys();
const BODY = Buffer.from('abc');
const later = () => AbortSignal.timeout(10_000);

/** One process of intake or delivery, as far as Redis sees it. */
interface Process {
  readonly client: RedisClient;
  readonly ledger: Ledger;
  readonly spool: Spool;
}
async function startProcess(): Promise<Process> {
  const client = await redis.connect();
  return {
    client,
    ledger: createLedger(client, keys, { now: Date.now, trackingHours: 24 }),
    spool: createSpool(client, keys, { ttlSeconds: 180 }),
  };
}

/** Asks again while Redis is away, as delivery does. */
async function persist<T>(act: () => Promise<T>): Promise<T> {
  return waitUntil(async () => ({ value: await act() })).then(({ value }) => value);
}

/** Takes a message in as intake does: body, account, job. True when it may be answered with 250. */
async function accept({ ledger, spool }: Process, queue: JournalQueue, copy: JournalCopy): Promise<boolean> {
  try {
    const writer = spool.open(copy.mid);
    await writer.write(BODY);
    await writer.finish();
    await ledger.commit({ enqueue: [copy], skipped: ['no-scan'] });
    await queue.add([[copy]]);
    await ledger.confirmQueued([copy.mid]).catch(() => undefined);
    return true;
  } catch {
    await ledger.withdraw([copy.mid]).catch(() => undefined);
    return false;
  }
}

describe('a Redis that is killed in the middle of the traffic, three times', () => {
  it('loses no copy that was accepted, and the account balances to the last recipient', async () => {
    const [intake, delivery, monitor] = await Promise.all([startProcess(), startProcess(), startProcess()]);
    const queue = await createJournalQueue(intake.client, { prefix: keys.prefix, onError: () => undefined });
    const numbers = createIdSequence(intake.client, keys.sequence('mid'));
    const accepted = new Set<number>();
    const outcomes = new Map<number, number>();
    jobs.startWorker(
      async ({ mid }, signal) => {
        const [ticket] = await persist(() => delivery.ledger.beginAttempts([mid], Date.now() + 1000));
        if (ticket?.kind !== 'go' || signal.aborted) return { kind: 'done' };
        const { copy } = ticket;
        for await (const chunk of delivery.spool.read(copy.mid, copy)) assert.ok(chunk.equals(BODY));
        const outcome = { kind: 'delivered', dcid: toDcid(1), response: '250 ok' } as const;
        const told = await persist(() => delivery.ledger.finish(copy.mid, outcome));
        if (told) outcomes.set(copy.mid, (outcomes.get(copy.mid) ?? 0) + 1);
        return { kind: 'done' };
      },
      // A job whose hand-out Redis had noted and nobody heard of comes back with its lock.
      { capacity: 10, lockMs: 2000, stalledCheckMs: 500 },
    );

    let kills = 0;
    let sent = 0;
    const send = async (): Promise<void> => {
      while (kills < 3 || sent % 100 !== 0) {
        await numbers.ready(later());
        const mid = numbers.next();
        if (mid === undefined) continue;
        sent += 1;
        if (await accept(intake, queue, sampleCopy(mid, { enqueuedAt: Date.now() }))) accepted.add(mid);
      }
    };
    const kill = async (): Promise<void> => {
      for (; kills < 3; kills += 1) {
        const target = accepted.size + 100;
        await waitUntil(() => accepted.size >= target);
        await redis.server.stop('SIGKILL');
        await redis.server.start();
        await waitUntil(() => [intake, delivery, monitor].every(({ client }) => isRedisReady(client)));
      }
    };
    await Promise.all([kill(), ...Array.from({ length: 8 }, send)]);

    // What monitor does every two seconds: queue what was committed and never queued.
    await waitUntil(async () => {
      const orphans = await monitor.ledger.orphans(Date.now(), 1000);
      for (const copy of orphans) {
        if (!(await jobs.queue.has(copy.mid))) await jobs.queue.add([copy]);
        await monitor.ledger.confirmQueued([copy.mid]);
      }
      return activeRecipients(queueTotals(await monitor.ledger.counters())) === 0;
    });
    const counters = await monitor.ledger.counters();
    const totals = queueTotals(counters);
    assert.equal(accountingDifference(counters), 0);
    assert.equal(totals.delivered, completedRecipients(totals));
    assert.equal(outcomes.size, totals.delivered, 'every delivery was told to somebody');
    assert.ok(
      [...outcomes.values()].every((times) => times === 1),
      'and to nobody twice',
    );
    for (const mid of accepted) assert.ok(outcomes.has(mid), `MID ${mid} was accepted and delivered`);
    assert.equal(counters.seen - totals.enqueued, skippedMessages(counters));
    assert.deepEqual(await redis.client.keys(`${keys.prefix}:the.tdc.queue:mid-*`), []);
    await queue.close();
  });
});

describe('a process that is killed between two acts of accepting a message', () => {
  const copy = sampleCopy(1);

  it('leaves a body that goes by itself when it died before the commit', async () => {
    const { spool } = await startProcess();
    const writer = spool.open(copy.mid);
    await writer.write(BODY);
    await writer.finish();
    assert.ok((await redis.client.pttl(keys.spool(copy.mid))) > 0);
  });

  it('leaves an orphan when it died before the job was queued', async () => {
    const { ledger } = await startProcess();
    await ledger.commit({ enqueue: [copy], skipped: [] });
    assert.deepEqual(await ledger.orphans(Date.now(), 10), [copy]);
    assert.equal(await jobs.queue.has(copy.mid), false);
  });

  it('leaves an orphan that has its job when it died before it could confirm', async () => {
    const { ledger } = await startProcess();
    await ledger.commit({ enqueue: [copy], skipped: [] });
    await jobs.queue.add([copy]);
    assert.deepEqual(await ledger.orphans(Date.now(), 10), [copy]);
    assert.equal(await jobs.queue.has(copy.mid), true);
  });

  it('leaves a job without an account when the commit was taken back: the worker drops it', async () => {
    const { ledger } = await startProcess();
    await jobs.queue.add([copy]);
    assert.deepEqual(await ledger.beginAttempts([copy.mid], SAMPLE_TIME + 1000), [{ kind: 'finished' }]);
  });
});
