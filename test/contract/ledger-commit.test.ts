import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import {
  accountingDifference,
  HARD_BOUNCE_REASONS,
  SKIP_REASONS,
  SOFT_BOUNCE_REASONS,
  toMid,
} from '@tdc/core';
import { createLedger, createRedisKeys, type Ledger } from '@tdc/platform';
import { SAMPLE_TIME, sampleCopy, toIntake } from '../support/sample-copy.ts';
import { useRedis } from '../support/use-redis.ts';

const redis = useRedis();
const keys = createRedisKeys();
const options = { now: () => SAMPLE_TIME, trackingHours: 24 };
let ledger: Ledger;

beforeEach(() => {
  ledger = createLedger(redis.client, keys, options);
});

const leftKeys = async (): Promise<string[]> => (await redis.client.keys('*')).sort();

describe('committing a message', () => {
  it('counts its copy as seen, enqueued and active', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1)], skipped: [] });
    const counters = await ledger.counters();
    assert.equal(counters.seen, 1);
    assert.partialDeepStrictEqual(counters.intakes, {
      primary: { enqueued: 1, unattempted: 1, attempted: 0 },
    });
    assert.equal(accountingDifference(counters), 0);
  });

  it('without a copy counts skips alone', async () => {
    await ledger.commit({ enqueue: [], skipped: ['spam'] });
    await ledger.commit({ enqueue: [], skipped: ['spam'] });
    const counters = await ledger.counters();
    assert.equal(counters.seen, 2);
    assert.equal(counters.skipped.spam, 2);
    assert.deepEqual(counters.intakes, {});
    assert.deepEqual(await leftKeys(), [keys.counters]);
  });

  it('counts every splinter, copied or not, by its intake', async () => {
    const copies = [sampleCopy(1), toIntake(sampleCopy(2), 'second')];
    await ledger.commit({ enqueue: copies, skipped: ['no-scan', 'no-intake-address'] });
    const counters = await ledger.counters();
    assert.equal(counters.seen, 4);
    assert.equal(counters.skipped['no-scan'], 1);
    assert.equal(counters.skipped['no-intake-address'], 1);
    assert.equal(counters.intakes['primary']?.enqueued, 1);
    assert.equal(counters.intakes['second']?.enqueued, 1);
    assert.equal(accountingDifference(counters), 0);
  });

  it('takes numbers of any size and texts of any kind', async () => {
    const copy = toIntake(
      sampleCopy(Number.MAX_SAFE_INTEGER, { sender: 'jörg\u0000"\\@example.com', messageIdHeader: '<ü>' }),
      'a%s:b',
    );
    await ledger.commit({ enqueue: [copy], skipped: [] });
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME, 10), [copy]);
    assert.equal(await ledger.finish(copy.mid, { kind: 'deleted' }), true);
    assert.equal((await ledger.counters()).intakes['a%s:b']?.deleted, 1);
  });
});

describe('the index of a Message-ID', () => {
  it('lives as long as the last of its copies may be tracked', async () => {
    const ofOne = (mid: number, expiresAt: number) =>
      sampleCopy(mid, { messageIdHeader: '<one@example.com>', expiresAt });
    const ends = async () => {
      const [index = ''] = await redis.client.keys(keys.midsOf('*'));
      return (await redis.client.pexpiretime(index)) - options.trackingHours * 3_600_000;
    };
    const deadline = SAMPLE_TIME + 120_000;
    await ledger.commit({ enqueue: [ofOne(1, deadline), ofOne(2, deadline)], skipped: [] });
    assert.equal(await ends(), deadline);
    const later = [3, 4].map((mid) => ofOne(mid, deadline + mid));
    await Promise.all(later.map((copy) => ledger.commit({ enqueue: [copy], skipped: [] })));
    assert.equal(await ends(), deadline + 4);
    const messageIdHeader = '<one@example.com>';
    assert.deepEqual(
      (await ledger.track({ messageIdHeader })).map(({ mid }) => mid),
      [1, 2, 3, 4],
    );
  });

  it('loses a copy that is forgotten, keeps the others for their time, and goes with the last', async () => {
    const messageIdHeader = '<one@example.com>';
    const commit = (mid: number) =>
      ledger.commit({ enqueue: [sampleCopy(mid, { messageIdHeader })], skipped: [] });
    for (const mid of [1, 11, 111]) await commit(mid);
    const [index = ''] = await redis.client.keys(keys.midsOf('*'));
    const ends = await redis.client.pexpiretime(index);
    await ledger.withdraw([toMid(11)]);
    assert.deepEqual(
      (await ledger.track({ messageIdHeader })).map(({ mid }) => mid),
      [1, 111],
    );
    await ledger.withdraw([toMid(1)]);
    assert.equal(await redis.client.get(index), '111');
    assert.equal(await redis.client.pexpiretime(index), ends);
    await ledger.withdraw([toMid(111)]);
    assert.equal(await redis.client.exists(index), 0);
  });
});

describe('a commit whose answer was lost', () => {
  it('may be repeated: neither copies nor skips count twice', async () => {
    const decision = { enqueue: [sampleCopy(1), sampleCopy(2)], skipped: ['no-scan'] } as const;
    await ledger.commit(decision);
    await ledger.commit(decision);
    const counters = await ledger.counters();
    assert.equal(counters.seen, 3);
    assert.equal(counters.skipped['no-scan'], 1);
    assert.equal(counters.intakes['primary']?.enqueued, 2);
  });

  it('may be repeated when the copy has its outcome already', async () => {
    const copy = sampleCopy(1);
    await ledger.commit({ enqueue: [copy], skipped: [] });
    await ledger.finish(copy.mid, { kind: 'deleted' });
    await ledger.commit({ enqueue: [copy], skipped: [] });
    const counters = await ledger.counters();
    assert.equal(counters.seen, 1);
    assert.equal(await redis.client.zcard(keys.active), 0);
  });

  it('may be repeated at the same time by several', async () => {
    const ledgers = await Promise.all(
      Array.from({ length: 4 }, async () => createLedger(await redis.connect(), keys, options)),
    );
    await Promise.all(ledgers.map((one) => one.commit({ enqueue: [sampleCopy(1)], skipped: ['no-scan'] })));
    assert.equal((await ledger.counters()).seen, 2);
  });

  it('is never taken for another message that was given the same MID', async () => {
    const first = sampleCopy(1);
    await ledger.commit({ enqueue: [first], skipped: [] });
    const before = await ledger.counters();
    const other = sampleCopy(1, { journalId: 'another', messageIdHeader: '<other@example.com>' });
    await assert.rejects(
      ledger.commit({ enqueue: [sampleCopy(2), other], skipped: ['no-scan'] }),
      /TAKEN MID 1/,
    );
    assert.deepEqual(await ledger.counters(), before);
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME, 10), [first]);
  });

  it('took effect or not, and can be repeated either way, when Redis is frozen in between', async () => {
    const impatient = await redis.connect({ commandTimeoutSeconds: 0.2 });
    const hasty = createLedger(impatient, keys, options);
    const copy = sampleCopy(1);
    redis.server.signal('SIGSTOP');
    await assert.rejects(hasty.commit({ enqueue: [copy], skipped: ['no-scan'] }), /timed out/);
    redis.server.signal('SIGCONT');
    await ledger.commit({ enqueue: [copy], skipped: ['no-scan'] });
    await ledger.counters();
    assert.equal((await ledger.counters()).seen, 2);
    assert.equal((await ledger.counters()).intakes['primary']?.enqueued, 1);
  });
});

describe('a message that Redis has no memory for', () => {
  it('is refused without a trace, while outcomes are still recorded', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1), sampleCopy(2)], skipped: [] });
    const before = await ledger.counters();
    await redis.client.config('SET', 'maxmemory', '1');
    try {
      await assert.rejects(ledger.commit({ enqueue: [sampleCopy(3)], skipped: ['no-scan'] }), /OOM/);
      await assert.rejects(ledger.commit({ enqueue: [], skipped: ['no-scan'] }), /OOM/);
      assert.deepEqual(await ledger.counters(), before);
      assert.equal(await ledger.finish(toMid(1), { kind: 'deleted' }), true);
      await ledger.withdraw([toMid(2)]);
    } finally {
      await redis.client.config('SET', 'maxmemory', '0');
    }
    const counters = await ledger.counters();
    assert.equal(counters.intakes['primary']?.deleted, 1);
    assert.equal(counters.skipped['enqueue-failed'], 1);
    assert.equal(accountingDifference(counters), 0);
  });
});

describe('a commit whose jobs could not be queued', () => {
  it('is an orphan from its time on until it is confirmed', async () => {
    const copies = [sampleCopy(1), sampleCopy(2)];
    await ledger.commit({ enqueue: copies, skipped: [] });
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME - 1, 10), []);
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME, 10), copies);
    assert.equal((await ledger.orphans(SAMPLE_TIME, 1)).length, 1);
    await ledger.confirmQueued([toMid(1)]);
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME, 10), [copies[1]]);
    await ledger.confirmQueued([]);
  });

  it('is confirmed together with others by whoever gathers them', async () => {
    const gathering = createLedger(redis.client, keys, { ...options, confirmGatherMs: 50 });
    const copies = [sampleCopy(1), sampleCopy(2), sampleCopy(3)];
    await gathering.commit({ enqueue: copies, skipped: [] });
    await redis.client.config('RESETSTAT');
    const confirmed: Promise<void>[] = [];
    for (const { mid } of copies) {
      confirmed.push(gathering.confirmQueued([mid]));
      await redis.client.ping();
    }
    await Promise.all(confirmed);
    assert.match(await redis.client.info('commandstats'), /^cmdstat_zrem:calls=1,/m);
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME, 10), []);
  });

  it('is no orphan once a worker has its job', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1)], skipped: [] });
    await ledger.beginAttempts([toMid(1)], SAMPLE_TIME + 30_000);
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME, 10), []);
  });

  it('is taken back without a trace and counted as enqueue-failed, once', async () => {
    const copies = [sampleCopy(1), sampleCopy(2)];
    await redis.client.set(keys.spool(toMid(1)), 'abc');
    await ledger.commit({ enqueue: copies, skipped: ['no-scan'] });
    await ledger.withdraw(copies.map((copy) => copy.mid));
    await ledger.withdraw(copies.map((copy) => copy.mid));
    await ledger.withdraw([]);
    const counters = await ledger.counters();
    assert.equal(counters.seen, 3);
    assert.equal(counters.skipped['enqueue-failed'], 2);
    assert.partialDeepStrictEqual(counters.intakes, { primary: { enqueued: 0, unattempted: 0 } });
    assert.equal(accountingDifference(counters), 0);
    assert.deepEqual(await leftKeys(), [keys.counters]);
  });

  it('stays when a worker found its job all the same', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1)], skipped: [] });
    await ledger.beginAttempts([toMid(1)], SAMPLE_TIME + 30_000);
    await ledger.withdraw([toMid(1)]);
    assert.equal((await ledger.counters()).skipped['enqueue-failed'], 0);
    assert.equal(await ledger.finish(toMid(1), { kind: 'deleted' }), true);
  });

  it('leaves a job that comes to be after all nothing to do', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1)], skipped: [] });
    await ledger.withdraw([toMid(1)]);
    assert.deepEqual(await ledger.beginAttempts([toMid(1)], SAMPLE_TIME + 30_000), [{ kind: 'finished' }]);
  });
});

describe('the counters', () => {
  it('are zero in every field before anything was counted', async () => {
    const counters = await ledger.counters();
    assert.equal(counters.seen, 0);
    assert.deepEqual(Object.keys(counters.skipped), [...SKIP_REASONS]);
    assert.equal(accountingDifference(counters), 0);
  });

  it('have every reason of an intake, and no field that is not known', async () => {
    await redis.client.hset(keys.counters, {
      'enqueued:primary': 0,
      'soft:primary:moon': 3,
      'invented:primary': 1,
    });
    const { intakes } = await ledger.counters();
    assert.deepEqual(intakes, {
      primary: {
        enqueued: 0,
        delivered: 0,
        softBounced: Object.fromEntries(SOFT_BOUNCE_REASONS.map((reason) => [reason, 0])),
        hardBounced: Object.fromEntries(HARD_BOUNCE_REASONS.map((reason) => [reason, 0])),
        deleted: 0,
        unattempted: 0,
        attempted: 0,
      },
    });
  });
});
