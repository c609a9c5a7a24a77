import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Scenario, simulate } from './scenario.ts';

const CALM: Scenario = {
  processes: 4,
  ceiling: 40,
  minConnections: 3,
  secondsPerCopy: 0.2,
  rate: 0,
  burst: 0,
  seconds: 200,
  fromSecond: 0,
};

const run = (changes: Partial<Scenario>) => simulate({ ...CALM, ...changes });

describe('a simulated burst', () => {
  it('comes out the same every time, whatever was broken off in its midst before', async () => {
    const first = await run({ burst: 500 });
    await run({ rate: 500, seconds: 3 });
    assert.deepEqual(await run({ burst: 500 }), first);
  });

  it('is delivered to the last copy, each once, under the ceiling', async () => {
    const { delivered, doubled, expired, connections, drainSeconds } = await run({ burst: 4000 });
    assert.deepEqual({ delivered, doubled, expired }, { delivered: 4000, doubled: 0, expired: 0 });
    assert.equal(connections.max, 40);
    // 40 connections carry 200 copies in a second: sooner than in 20 it cannot be done.
    assert.ok(drainSeconds !== undefined && drainSeconds >= 20 && drainSeconds < 30, String(drainSeconds));
  });

  it('is worked off sooner by more connections', async () => {
    const [few, many] = [await run({ burst: 2000, ceiling: 12 }), await run({ burst: 2000, ceiling: 80 })];
    assert.ok((few.drainSeconds ?? 0) > 2 * (many.drainSeconds ?? Number.POSITIVE_INFINITY));
  });

  it('that outlasts the life of its copies leaves some expired', async () => {
    const { delivered, expired } = await run({ burst: 2000, ceiling: 1, processes: 1 });
    assert.equal(delivered + expired, 2000);
    assert.ok(expired > 1000, String(expired));
  });

  it('outlives a process that is killed, whose copies come back when its locks have run out', async () => {
    const calm = await run({ burst: 2000 });
    const killed = await run({ burst: 2000, leaver: { atSecond: 2, how: 'killed' } });
    assert.equal(killed.delivered, 2000);
    assert.ok((killed.drainSeconds ?? 0) >= 15 && (killed.drainSeconds ?? 0) > (calm.drainSeconds ?? 0));
  });

  it('does not wait for the locks of a process that takes leave', async () => {
    const scenario = { burst: 1000, ceiling: 80 };
    const drained = await run({ ...scenario, leaver: { atSecond: 2, how: 'drained' } });
    assert.equal(drained.delivered, 1000);
    assert.ok((drained.drainSeconds ?? Number.POSITIVE_INFINITY) < 15, String(drained.drainSeconds));
  });
});

describe('a simulated load', () => {
  const steady = { rate: 40, seconds: 30, fromSecond: 15 };

  it('is carried as it comes, over connections enough for it', async () => {
    const { counted, connections, latency } = await run(steady);
    assert.ok(Math.abs(counted.copies / counted.seconds - 40) < 4);
    // Little: 40 copies in a second of 0.2 s each.
    assert.ok(connections.mean >= 8 && connections.max <= 40);
    assert.ok((latency.p50 ?? 0) >= 0.2);
  });

  it('waits for no connection where each process may have enough of them at once', async () => {
    const heavy = { rate: 100, seconds: 60, fromSecond: 40 };
    const [few, enough] = [await run(heavy), await run({ ...heavy, minConnections: 8 })];
    assert.ok((few.latency.p50 ?? 0) > 1 && (enough.latency.p50 ?? 1) < 0.5);
  });

  it('has more connections when the destination becomes slower', async () => {
    const slow = await run({
      ...steady,
      rate: 15,
      seconds: 60,
      fromSecond: 40,
      slower: { atSecond: 5, times: 10 },
    });
    assert.ok(slow.connections.mean > 25, String(slow.connections.mean));
  });

  it('reaches only the processes that find a place under the ceiling', async () => {
    const { shares, redis } = await run({ ...steady, processes: 30, ceiling: 5 });
    assert.ok(shares.none > 0);
    const roomy = await run({ ...steady, processes: 30, ceiling: 90 });
    assert.equal(roomy.shares.none, 0);
    assert.ok(redis.copies.commands > roomy.redis.copies.commands, 'copies that go from one to the other');
  });

  it('costs Redis more for processes, the more there are of them', async () => {
    const [few, many] = [await run(steady), await run({ ...steady, processes: 20, ceiling: 100 })];
    for (const purpose of ['looks', 'workers', 'memory'] as const)
      assert.ok(many.redis[purpose].commands > 4 * few.redis[purpose].commands, purpose);
  });
});

describe('processes with nothing to do', () => {
  it('ask Redis for nothing but what keeps them ready', async () => {
    const { redis, counted } = await run({ seconds: 20, fromSecond: 10 });
    assert.equal(counted.seconds, 10);
    assert.deepEqual(
      [redis.copies, redis.looks, redis.leases, redis.hosts].map(({ commands }) => commands),
      [0, 0, 0, 0],
    );
    assert.ok(redis.workers.commands > 0 && redis.memory.commands > 0);
  });
});
