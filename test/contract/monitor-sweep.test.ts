import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type JournalCopy, NO_CONNECTION, toMid } from '@tdc/core';
import { createLedger, createRedisKeys, type Ledger } from '@tdc/platform';
import { type MonitorProcess, startMonitor } from '../support/monitor-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { sampleCopy } from '../support/sample-copy.ts';
import { useJournalQueue } from '../support/use-journal-queue.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();
const jobs = useJournalQueue(redis);
const keys = createRedisKeys();
let ledger: Ledger;
let monitors: MonitorProcess[] = [];

beforeEach(() => {
  ledger = createLedger(redis.client, keys, { now: Date.now, trackingHours: 24 });
});
afterEach(async () => {
  await Promise.all(monitors.map((monitor) => monitor.stop()));
  monitors = [];
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<MonitorProcess> {
  const monitor = await startMonitor(redis.server.url, env);
  monitors.push(monitor);
  return monitor;
}

/** Copies that are past their deadline already. */
const late = (count: number): JournalCopy[] =>
  Array.from({ length: count }, (_, index) => sampleCopy(index + 1, { enqueuedAt: Date.now() - 121_000 }));

/** What intake does with copies: committed, queued, confirmed. */
async function enqueue(copies: readonly JournalCopy[]): Promise<void> {
  await ledger.commit({ enqueue: copies, skipped: [] });
  await jobs.queue.add(copies);
  await ledger.confirmQueued(copies.map(({ mid }) => mid));
}

const stateOf = async (mid: number): Promise<string | undefined> =>
  (await ledger.track({ mid: toMid(mid) }))[0]?.state;
const waitFor = (mid: number, state: string) =>
  waitUntil(async () => (await stateOf(mid)) === state, { what: `MID ${mid} ${state}` });

const expiryLines = (mid: number): readonly string[] => [
  "Info: TDC: Hard bounced - 5.4.7 - Delivery expired (message too old) ('000', ['timeout'])",
  `Info: TDC: MID ${mid} delivery failed to Cisco Secure Email Threat Defense: Delivery expired (message too old).`,
  `Info: Bounced: DCID 0 MID ${mid} to RID 0 - Bounced by destination server with response: 5.4.7 - Delivery expired (message too old) ('000', ['timeout'])`,
];

describe('a monitor without any delivery worker', () => {
  it('ends what is past its deadline: logged, counted, its job and its body gone', async () => {
    await redis.client.set(keys.spool(toMid(1)), 'the original');
    await enqueue([...late(1), sampleCopy(2, { enqueuedAt: Date.now() })]);
    const monitor = await start();
    await waitFor(1, 'hard-bounced');
    await waitUntil(async () => (await jobs.queue.depth()).waiting === 1);
    assert.equal(await stateOf(2), 'unattempted');
    assert.equal(await redis.client.exists(keys.spool(toMid(1))), 0);
    const lines = () =>
      monitor.process
        .lines()
        .map((line) => line.slice(25))
        .filter((line) => /ounced|MID/.test(line));
    await waitUntil(() => lines().length >= expiryLines(1).length, { what: 'the lines of the copy' });
    assert.deepEqual(lines(), expiryLines(1));
    const samples = await monitor.samples();
    assert.equal(sampleOf(samples, 'tdc_hard_bounced_recipients_total', { reason: 'expired' }), 1);
    assert.equal(sampleOf(samples, 'tdc_monitor_expired_total'), 1);
    assert.equal(sampleOf(samples, 'tdc_accounting_difference'), 0);
  });

  it('ends what expires while it runs, and a backlog of any length at once', async () => {
    const monitor = await start();
    await enqueue([sampleCopy(2000, { enqueuedAt: Date.now() - 119_500 })]);
    await waitFor(2000, 'hard-bounced');
    await enqueue(late(1200));
    await waitUntil(async () => (await ledger.counters()).intakes['primary']?.unattempted === 0);
    const expired = await waitUntil(async () => {
      const count = sampleOf(await monitor.samples(), 'tdc_monitor_expired_total');
      return count === 1201 ? count : undefined;
    });
    const lines = await waitUntil(() => {
      const all = monitor.logged('delivery failed to');
      return all.length >= expired ? all : undefined;
    });
    assert.equal(lines.length, expired);
  });
});

describe('a copy that is past its deadline while an attempt is under way', () => {
  it('is left alone until the lease of the attempt ends', async () => {
    await enqueue(late(2));
    await ledger.beginAttempts([toMid(1)], Date.now() + 60_000);
    await start();
    // The sweep that ended the other copy has seen this one.
    await waitFor(2, 'hard-bounced');
    assert.equal(await stateOf(1), 'attempted');
    await ledger.beginAttempts([toMid(1)], Date.now() - 1);
    await waitFor(1, 'hard-bounced');
  });

  it('keeps the outcome of an attempt that ends after all', async () => {
    await enqueue(late(2));
    await ledger.beginAttempts([toMid(1)], Date.now() + 60_000);
    const monitor = await start();
    await waitFor(2, 'hard-bounced');
    assert.equal(
      await ledger.finish(toMid(1), { kind: 'delivered', dcid: NO_CONNECTION, response: '250 Ok' }),
      true,
    );
    await enqueue([sampleCopy(3, { enqueuedAt: Date.now() - 121_000 })]);
    await waitFor(3, 'hard-bounced');
    assert.equal(await stateOf(1), 'delivered');
    await waitUntil(() => monitor.logged('MID 3 delivery failed to').length > 0);
    assert.deepEqual(monitor.logged('MID 1 '), []);
  });
});

describe('two monitors', () => {
  it('log and count each copy once', async () => {
    await start();
    await start();
    await enqueue(late(300));
    await waitUntil(async () => (await ledger.counters()).intakes['primary']?.unattempted === 0);
    const lines = await waitUntil(() => {
      const all = monitors.flatMap((monitor) => monitor.logged('delivery failed to'));
      return all.length >= 300 ? all : undefined;
    });
    assert.equal(new Set(lines).size, 300);
    assert.equal(lines.length, 300);
    const counted = await Promise.all(
      monitors.map(async (monitor) => sampleOf(await monitor.samples(), 'tdc_monitor_expired_total') ?? 0),
    );
    assert.equal((counted[0] ?? 0) + (counted[1] ?? 0), 300);
    const account = await monitors[0]?.accounting();
    assert.ok(account?.kind === 'ok');
    assert.deepEqual([account.value.hardBounced, account.value.difference], [300, 0]);
  });
});

describe('a copy that was committed and never queued', () => {
  /** Commits as an intake does that dies behind it, so long ago. */
  const orphan = (copy: JournalCopy, secondsAgo: number): Promise<void> =>
    createLedger(redis.client, keys, {
      now: () => Date.now() - secondsAgo * 1000,
      trackingHours: 24,
    }).commit({ enqueue: [copy], skipped: [] });

  it('is queued after all, once, and said so', async () => {
    const copy = sampleCopy(1, { enqueuedAt: Date.now() });
    await orphan(copy, 6);
    const monitor = await start();
    await waitUntil(() => jobs.queue.has(copy.mid));
    await waitUntil(async () => (await redis.client.zcard(keys.unqueued)) === 0);
    const requeued = () => monitor.logged('without a job');
    await waitUntil(() => requeued().length > 0, { what: 'the line of the orphan' });
    assert.deepEqual(requeued(), ['Warning: MID 1 was committed without a job: queued now']);
    assert.equal(sampleOf(await monitor.samples(), 'tdc_monitor_orphans_requeued_total'), 1);
    assert.deepEqual(await jobs.queue.depth(), { waiting: 1, active: 0, delayed: 0 });
  });

  it('is left to its intake for as long as that may be about to queue it', async () => {
    await orphan(sampleCopy(1, { enqueuedAt: Date.now() }), -20);
    await orphan(sampleCopy(2, { enqueuedAt: Date.now() }), 6);
    await start();
    await waitUntil(() => jobs.queue.has(toMid(2)));
    assert.equal(await jobs.queue.has(toMid(1)), false);
  });

  it('is only confirmed when its job is there', async () => {
    const copy = sampleCopy(1, { enqueuedAt: Date.now() });
    await orphan(copy, 6);
    await jobs.queue.add([copy]);
    const monitor = await start();
    await waitUntil(async () => (await redis.client.zcard(keys.unqueued)) === 0);
    assert.equal(sampleOf(await monitor.samples(), 'tdc_monitor_orphans_requeued_total'), 0);
  });
});

describe('what tracking remembers', () => {
  it('is bounded by number, the newest staying', async () => {
    await enqueue(late(50));
    await start({ TDC_TRACKING_MAX_COPIES: '10' });
    await waitUntil(async () => (await redis.client.zcard(keys.tracking)) === 10);
    const known = await redis.client.keys(`${keys.prefix}:copy:*`);
    assert.equal(known.length, 10);
  });

  it('is bounded by age', async () => {
    const old = sampleCopy(1, { enqueuedAt: Date.now() - 2 * 3_600_000 });
    await enqueue([old, ...late(2).slice(1)]);
    await start({ TDC_TRACKING_HOURS: '1' });
    await waitUntil(async () => (await stateOf(1)) === undefined);
    await waitFor(2, 'hard-bounced');
  });
});

describe('a monitor that is told to stop', () => {
  it('ends by itself, with status 0', async () => {
    const monitor = await start();
    assert.deepEqual(await monitor.process.stop(), { code: 0, signal: null });
  });
});
