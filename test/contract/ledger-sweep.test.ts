import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { type JournalCopy, toMid } from '@tdc/core';
import { createLedger, createRedisKeys, type Ledger } from '@tdc/platform';
import { SAMPLE_TIME, sampleCopy, toIntake } from '../support/sample-copy.ts';
import { useRedis } from '../support/use-redis.ts';

const redis = useRedis();
const keys = createRedisKeys();
let ledger: Ledger;

beforeEach(() => {
  ledger = createLedger(redis.client, keys, { now: () => SAMPLE_TIME, trackingHours: 24 });
});

/** Copies 1 to `count`, each enqueued a second after the one before. */
const series = (count: number, changes: Partial<JournalCopy> = {}): JournalCopy[] =>
  Array.from({ length: count }, (_, index) =>
    sampleCopy(index + 1, { enqueuedAt: SAMPLE_TIME + index * 1000, ...changes }),
  );
const commitAll = (copies: readonly JournalCopy[]) => ledger.commit({ enqueue: copies, skipped: [] });
const midsOf = (copies: readonly { readonly mid: number }[]): number[] => copies.map((copy) => copy.mid);

describe('the sweep of expired copies', () => {
  const due = SAMPLE_TIME + 122_000;

  it('finds the active copies past their deadline, the oldest first, with their whole job', async () => {
    const copies = series(5);
    await commitAll(copies.toReversed());
    assert.deepEqual(await ledger.expired(due, 10), copies.slice(0, 3));
    assert.deepEqual(await ledger.expired(SAMPLE_TIME + 119_999, 10), []);
  });

  it('answers no more than it was asked for', async () => {
    await commitAll(series(5));
    assert.deepEqual(midsOf(await ledger.expired(due, 2)), [1, 2]);
    assert.deepEqual(await ledger.expired(due, 0), []);
  });

  it('leaves a copy alone for as long as the lease of its attempt runs', async () => {
    await commitAll(series(1));
    await ledger.beginAttempts([toMid(1)], due + 5000);
    assert.deepEqual(await ledger.expired(due, 10), []);
    assert.deepEqual(midsOf(await ledger.expired(due + 5000, 10)), [1]);
    await ledger.releaseAttempt(toMid(1));
    assert.deepEqual(midsOf(await ledger.expired(due, 10)), [1]);
  });

  it('looks past any number of copies that are being attempted', async () => {
    await commitAll(series(25, { expiresAt: SAMPLE_TIME }));
    for (let mid = 1; mid <= 22; mid += 1) await ledger.beginAttempts([toMid(mid)], due + 5000);
    assert.deepEqual(midsOf(await ledger.expired(due, 2)), [23, 24]);
    assert.deepEqual(midsOf(await ledger.expired(due, 10)), [23, 24, 25]);
  });

  it('never finds a copy that has its outcome', async () => {
    await commitAll(series(2));
    await ledger.finish(toMid(1), { kind: 'deleted' });
    assert.deepEqual(midsOf(await ledger.expired(due, 10)), [2]);
  });
});

describe('the oldest active copy', () => {
  it('is told per intake, and of intakes with active copies alone', async () => {
    const [first, second, third] = series(3) as [JournalCopy, JournalCopy, JournalCopy];
    await commitAll([first, toIntake(second, 'second'), third]);
    assert.deepEqual(await ledger.oldestActive(), { primary: first.enqueuedAt, second: second.enqueuedAt });
    await ledger.finish(first.mid, { kind: 'deleted' });
    await ledger.finish(second.mid, { kind: 'deleted' });
    assert.deepEqual(await ledger.oldestActive(), { primary: third.enqueuedAt });
  });
});

describe('tracking', () => {
  it('finds a copy by MID, and nothing for a MID that is not known', async () => {
    await commitAll(series(2));
    assert.deepEqual(midsOf(await ledger.track({ mid: toMid(2) })), [2]);
    assert.deepEqual(await ledger.track({ mid: toMid(99) }), []);
  });

  it('finds every splinter of a message by its Message-ID, and none without one', async () => {
    await commitAll([...series(12, { messageIdHeader: '<same@example.com>' }), sampleCopy(13)]);
    await commitAll([sampleCopy(14, { messageIdHeader: '' })]);
    const found = midsOf(await ledger.track({ messageIdHeader: '<same@example.com>' }));
    assert.deepEqual(found, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert.deepEqual(await ledger.track({ messageIdHeader: '' }), []);
    assert.equal((await redis.client.keys(keys.midsOf('*'))).length, 2);
  });

  it('shows the newest hundred when one Message-ID was used without end', async () => {
    await commitAll(series(120, { messageIdHeader: '<same@example.com>' }));
    const found = midsOf(await ledger.track({ messageIdHeader: '<same@example.com>' }));
    assert.deepEqual([found.length, found[0], found.at(-1)], [100, 21, 120]);
  });

  it('keeps no more than it shows, and some', async () => {
    const messageIdHeader = '<same@example.com>';
    const copies = Array.from({ length: 900 }, (_, n) => sampleCopy(1e12 + n, { messageIdHeader }));
    await commitAll(copies);
    const found = midsOf(await ledger.track({ messageIdHeader }));
    assert.deepEqual([found.length, found[0], found.at(-1)], [100, 1e12 + 800, 1e12 + 899]);
    const [index = ''] = await redis.client.keys(keys.midsOf('*'));
    assert.ok((await redis.client.strlen(index)) < 4000);
  });
});

describe('trimming what tracking knows', () => {
  const finishAll = (copies: readonly JournalCopy[]) =>
    Promise.all(copies.map((copy) => ledger.finish(copy.mid, { kind: 'deleted' })));
  const known = async (): Promise<number[]> =>
    (await redis.client.zrange(keys.tracking, '0', '-1')).map(Number);

  it('forgets the copies enqueued before a time', async () => {
    const copies = series(5);
    await commitAll(copies);
    await finishAll(copies);
    const bounds = { keepFrom: SAMPLE_TIME + 2000, maxCopies: 100 };
    assert.equal(await ledger.trimTracking(bounds), 2);
    assert.deepEqual(await known(), [3, 4, 5]);
    assert.equal(await ledger.trimTracking(bounds), 0);
  });

  it('forgets the oldest copies beyond a number', async () => {
    const copies = series(5);
    await commitAll(copies);
    await finishAll(copies);
    assert.equal(await ledger.trimTracking({ keepFrom: 0, maxCopies: 2 }), 3);
    assert.deepEqual(await known(), [4, 5]);
  });

  it('forgets them altogether: records and Message-IDs', async () => {
    const copies = series(3, { messageIdHeader: '<same@example.com>' });
    await commitAll([...copies, sampleCopy(4, { enqueuedAt: SAMPLE_TIME - 1 })]);
    await finishAll([...copies, sampleCopy(4)]);
    await ledger.trimTracking({ keepFrom: 0, maxCopies: 1 });
    assert.deepEqual(midsOf(await ledger.track({ messageIdHeader: '<same@example.com>' })), [3]);
    await ledger.trimTracking({ keepFrom: 0, maxCopies: 0 });
    assert.deepEqual(await redis.client.keys('*'), [keys.counters]);
  });

  it('never forgets an active copy', async () => {
    const copies = series(5);
    await commitAll(copies);
    await finishAll(copies.slice(3));
    await ledger.trimTracking({ keepFrom: SAMPLE_TIME + 3_600_000, maxCopies: 0 });
    assert.deepEqual(await known(), [1, 2, 3]);
    assert.equal(await ledger.finish(toMid(1), { kind: 'deleted' }), true);
  });

  it('works in batches', async () => {
    const copies = series(1005);
    await commitAll(copies);
    await finishAll(copies);
    assert.equal(await ledger.trimTracking({ keepFrom: 0, maxCopies: 0 }), 1000);
    assert.equal(await ledger.trimTracking({ keepFrom: 0, maxCopies: 0 }), 5);
  });
});
