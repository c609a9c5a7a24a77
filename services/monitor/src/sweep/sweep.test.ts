import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatMailLogLine, type JournalCopy, type MailLogEvent, type Mid } from '@tdc/core';
import { SAMPLE_TIME, sampleCopy } from '../../../../test/support/sample-copy.ts';
import type { SweepPorts } from '../ports.ts';
import { createSweep } from './sweep.ts';

const NOW = SAMPLE_TIME + 200_000;

/** A ledger and a queue in memory, as one world that several monitors may share. */
function world(copies: readonly JournalCopy[] = []) {
  const active = new Map(copies.map((copy) => [copy.mid, copy]));
  const jobs = new Map(copies.map((copy) => [copy.mid, [copy]]));
  const unqueued = new Map<Mid, JournalCopy>();
  const tracked = { count: 0, bounds: [] as unknown[] };
  const finished: unknown[] = [];
  const ledger: SweepPorts['ledger'] = {
    expired: async (now, limit) =>
      [...active.values()].filter(({ expiresAt }) => expiresAt <= now).slice(0, limit),
    async finish(mid, outcome) {
      if (!active.delete(mid)) return false;
      finished.push([mid, outcome]);
      return true;
    },
    orphans: async (_before, limit) => [...unqueued.values()].slice(0, limit),
    async confirmQueued(mids) {
      for (const mid of mids) unqueued.delete(mid);
    },
    countActive: async (mids) => mids.filter((mid) => active.has(mid)).length,
    async trimTracking(bounds) {
      tracked.bounds.push(bounds);
      const trimmed = Math.min(1000, Math.max(0, tracked.count - bounds.maxCopies));
      tracked.count -= trimmed;
      return trimmed;
    },
  };
  const queue: SweepPorts['queue'] = {
    async add(added) {
      for (const group of added) for (const { mid } of group.slice(0, 1)) jobs.set(mid, [...group]);
    },
    async find(first) {
      const held = jobs.get(first);
      return held && { mids: held.map(({ mid }) => mid), expiresAt: NOW };
    },
    remove: async (mid) => (jobs.delete(mid) ? 'removed' : 'missing'),
  };
  return { active, jobs, unqueued, tracked, finished, ledger, queue };
}

type World = ReturnType<typeof world>;

/** A monitor that sweeps this world, with what it logged and counted. */
function monitorOf({ ledger, queue }: Pick<World, 'ledger' | 'queue'>) {
  const events: MailLogEvent[] = [];
  const counted = { expired: 0, requeued: 0, failed: 0, batches: 0 };
  const stopping = new AbortController();
  const sweep = createSweep(
    {
      ledger,
      queue,
      log: (event) => events.push(event),
      observe: {
        expired(count) {
          counted.expired += count;
        },
        requeued(count) {
          counted.requeued += count;
        },
        failed() {
          counted.failed += 1;
        },
      },
      now: () => NOW,
    },
    { trackingHours: 24, trackingMaxCopies: 100 },
  );
  const progressed = () => {
    counted.batches += 1;
  };
  return { events, counted, stopping, sweep: () => sweep({ progressed, stopping: stopping.signal }) };
}

const series = (count: number): JournalCopy[] =>
  Array.from({ length: count }, (_, index) => sampleCopy(index + 1));
const texts = (events: readonly MailLogEvent[]): string[] =>
  events.map((event) => formatMailLogLine(NOW, event, 0).replace(/^.{24} /, ''));
const broken = async (): Promise<never> => {
  throw new Error('Redis is away');
};

describe('the sweep of expired copies', () => {
  it('ends a copy with the lines of an expiry, counts it and takes its job away', async () => {
    const all = world([sampleCopy(7)]);
    const monitor = monitorOf(all);
    await monitor.sweep();
    assert.deepEqual(texts(monitor.events), [
      "Info: TDC: Hard bounced - 5.4.7 - Delivery expired (message too old) ('000', ['timeout'])",
      'Info: TDC: MID 7 delivery failed to Cisco Secure Email Threat Defense: Delivery expired (message too old).',
      "Info: Bounced: DCID 0 MID 7 to RID 0 - Bounced by destination server with response: 5.4.7 - Delivery expired (message too old) ('000', ['timeout'])",
    ]);
    const response = 'Delivery expired (message too old)';
    assert.deepEqual(all.finished, [[7, { kind: 'hard-bounced', dcid: 0, reason: 'expired', response }]]);
    assert.equal(monitor.counted.expired, 1);
    assert.equal(all.jobs.size, 0);
  });

  it('leaves a job whose other copies still live, and takes it away with the last of them', async () => {
    const [first, second] = [sampleCopy(7), sampleCopy(8, { expiresAt: NOW + 1 })];
    const all = world([first, second]);
    all.jobs.delete(second.mid);
    all.jobs.set(first.mid, [first, second]);
    await monitorOf(all).sweep();
    assert.equal(all.jobs.size, 1);
    const together = world([sampleCopy(7), sampleCopy(8)]);
    together.jobs.delete(sampleCopy(8).mid);
    together.jobs.set(first.mid, [sampleCopy(7), sampleCopy(8)]);
    await monitorOf(together).sweep();
    assert.equal(together.jobs.size, 0);
  });

  it('leaves a copy alone that may still live', async () => {
    const all = world([sampleCopy(7, { expiresAt: NOW + 1 })]);
    const monitor = monitorOf(all);
    await monitor.sweep();
    assert.deepEqual(monitor.events, []);
    assert.equal(all.active.size, 1);
  });

  it('goes on batch by batch until nothing is due, and says so after each', async () => {
    const all = world(series(1200));
    const monitor = monitorOf(all);
    await monitor.sweep();
    assert.equal(monitor.counted.expired, 1200);
    assert.equal(all.active.size, 0);
    assert.equal(monitor.counted.batches, 2 + 3);
  });

  it('logs and counts each copy once when two monitors sweep at the same time', async () => {
    const all = world(series(20));
    const [one, other] = [monitorOf(all), monitorOf(all)];
    await Promise.all([one.sweep(), other.sweep()]);
    assert.equal(one.counted.expired + other.counted.expired, 20);
    assert.equal(one.events.length + other.events.length, 3 * 20);
  });

  it('does not ask for ever for copies that it cannot end', async () => {
    const all = world(series(600));
    let asked = 0;
    const monitor = monitorOf({
      ...all,
      ledger: {
        ...all.ledger,
        expired: (now, limit) => {
          asked += 1;
          return all.ledger.expired(now, limit);
        },
        finish: async () => false,
      },
    });
    await monitor.sweep();
    assert.equal(asked, 1);
    assert.equal(monitor.counted.expired, 0);
  });

  it('counts what it ended before it broke off', async () => {
    const all = world(series(3));
    const finish: SweepPorts['ledger']['finish'] = (mid, outcome) =>
      mid === 2 ? broken() : all.ledger.finish(mid, outcome);
    const monitor = monitorOf({ ...all, ledger: { ...all.ledger, finish } });
    await monitor.sweep();
    assert.deepEqual([monitor.counted.expired, monitor.counted.failed], [2, 1]);
    assert.deepEqual([...all.active.keys()], [2]);
  });

  it('stops behind the batch under way when it is told to', async () => {
    const all = world(series(1200));
    const remove: SweepPorts['queue']['remove'] = (mid) => {
      monitor.stopping.abort();
      return all.queue.remove(mid);
    };
    const monitor = monitorOf({ ...all, queue: { ...all.queue, remove } });
    await monitor.sweep();
    assert.equal(monitor.counted.expired, 500);
    assert.deepEqual(all.tracked.bounds, []);
  });
});

describe('the sweep of orphans', () => {
  const alive = (mid: number) => sampleCopy(mid, { expiresAt: NOW + 1000 });

  it('queues a copy whose job is missing, says so once, and confirms it', async () => {
    const all = world();
    const orphan = alive(3);
    all.unqueued.set(orphan.mid, orphan);
    const monitor = monitorOf(all);
    await monitor.sweep();
    await monitor.sweep();
    assert.deepEqual([...all.jobs.values()], [[orphan]]);
    assert.deepEqual(texts(monitor.events), ['Warning: MID 3 was committed without a job: queued now']);
    assert.deepEqual([monitor.counted.requeued, all.unqueued.size], [1, 0]);
  });

  it('asks for what was committed five seconds ago and before', async () => {
    const all = world();
    const asked: number[] = [];
    const orphans: SweepPorts['ledger']['orphans'] = async (before) => {
      asked.push(before);
      return [];
    };
    await monitorOf({ ...all, ledger: { ...all.ledger, orphans } }).sweep();
    assert.deepEqual(asked, [NOW - 5000]);
  });

  it('only confirms a copy whose job is there', async () => {
    const copy = alive(3);
    const all = world([copy]);
    all.unqueued.set(copy.mid, copy);
    const monitor = monitorOf(all);
    await monitor.sweep();
    assert.deepEqual([monitor.counted.requeued, all.unqueued.size, monitor.events.length], [0, 0, 0]);
  });

  it('finds the job of a copy by the first of those that share it', async () => {
    const all = world();
    const [first, second, lone] = [alive(3), alive(4), alive(5)];
    for (const copy of [first, second, lone]) all.unqueued.set(copy.mid, copy);
    all.jobs.set(first.mid, [first, second]);
    const monitor = monitorOf(all);
    await monitor.sweep();
    assert.deepEqual([...all.jobs.keys()], [3, 5]);
    assert.deepEqual([monitor.counted.requeued, all.unqueued.size], [1, 0]);
  });

  it('does not confirm what it could not queue', async () => {
    const all = world();
    const orphan = alive(3);
    all.unqueued.set(orphan.mid, orphan);
    const monitor = monitorOf({ ...all, queue: { ...all.queue, add: broken } });
    await monitor.sweep();
    assert.deepEqual([monitor.counted.requeued, all.unqueued.size], [0, 1]);
  });

  it('takes any number of them in one sweep', async () => {
    const all = world();
    for (const copy of series(1100).map(({ mid }) => alive(mid))) all.unqueued.set(copy.mid, copy);
    const monitor = monitorOf(all);
    await monitor.sweep();
    assert.deepEqual([monitor.counted.requeued, all.unqueued.size, all.jobs.size], [1100, 0, 1100]);
  });
});

describe('a sweep', () => {
  it('trims tracking to the bounds, however far it is beyond them', async () => {
    const all = world();
    all.tracked.count = 3500;
    const monitor = monitorOf(all);
    await monitor.sweep();
    assert.equal(all.tracked.count, 100);
    assert.deepEqual(all.tracked.bounds[0], { keepFrom: NOW - 24 * 3_600_000, maxCopies: 100 });
  });

  it('does the rest of its work when one part fails', async () => {
    const all = world();
    all.tracked.count = 101;
    const orphan = sampleCopy(3);
    all.unqueued.set(orphan.mid, orphan);
    const monitor = monitorOf({ ...all, ledger: { ...all.ledger, expired: broken } });
    await monitor.sweep();
    assert.deepEqual([monitor.counted.requeued, all.tracked.count], [1, 100]);
    assert.equal(monitor.counted.failed, 1);
  });

  it('that fails is counted each time, logged once, and logged again behind one that went through', async () => {
    const all = world();
    const ledger = { ...all.ledger, expired: broken as SweepPorts['ledger']['expired'] };
    const monitor = monitorOf({ ...all, ledger });
    await monitor.sweep();
    await monitor.sweep();
    assert.deepEqual(texts(monitor.events), ['Warning: the sweep failed: Redis is away']);
    ledger.expired = async () => [];
    await monitor.sweep();
    ledger.expired = broken;
    await monitor.sweep();
    assert.equal(monitor.events.length, 2);
    assert.equal(monitor.counted.failed, 3);
  });

  it('counts as progress when Redis is away', async () => {
    const all = world();
    const away = { expired: broken, orphans: broken, trimTracking: broken };
    const monitor = monitorOf({ ...all, ledger: { ...all.ledger, ...away } });
    await monitor.sweep();
    assert.equal(monitor.counted.batches, 3);
    assert.equal(monitor.counted.failed, 1);
  });
});
