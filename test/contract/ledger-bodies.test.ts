import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { toDcid, toMid } from '@tdc/core';
import { createLedger, createRedisKeys, type Ledger } from '@tdc/platform';
import { SAMPLE_TIME, sampleCopy, toIntake } from '../support/sample-copy.ts';
import { useRedis } from '../support/use-redis.ts';

const redis = useRedis();
const keys = createRedisKeys();
const [FIRST, SECOND] = [toMid(1), toMid(2)];
const LEASE_END = SAMPLE_TIME + 30_000;
const BODY = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));
let time = SAMPLE_TIME;
let ledger: Ledger;

beforeEach(() => {
  time = SAMPLE_TIME;
  ledger = createLedger(redis.client, keys, { now: () => time, trackingHours: 24, bodySeconds: 180 });
});

describe('a commit with a body', () => {
  it('gives each copy its octets, for their time', async () => {
    const copies = [sampleCopy(1), toIntake(sampleCopy(2), 'second')];
    await ledger.commit({ enqueue: copies, skipped: [] }, BODY);
    for (const mid of [FIRST, SECOND]) {
      assert.ok((await redis.client.getBuffer(keys.spool(mid)))?.equals(BODY));
      const life = await redis.client.pttl(keys.spool(mid));
      assert.ok(life > 170_000 && life <= 180_000, String(life));
    }
  });

  it('may be of no octets', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1)], skipped: [] }, Buffer.alloc(0));
    const [ticket] = await ledger.beginAttempts([FIRST], LEASE_END, true);
    assert.ok(ticket?.kind === 'go');
    assert.equal(ticket.body?.length, 0);
  });

  it('may be repeated, with its own body', async () => {
    const decision = { enqueue: [sampleCopy(1), sampleCopy(2)], skipped: [] };
    await ledger.commit(decision, BODY);
    await ledger.commit(decision, BODY);
    assert.equal((await ledger.counters()).seen, 2);
  });

  it('is refused where a MID of it has the body of another message, which is left as it is', async () => {
    await redis.client.set(keys.spool(SECOND), 'of another');
    const copies = [sampleCopy(1), sampleCopy(2)];
    await assert.rejects(ledger.commit({ enqueue: copies, skipped: [] }, BODY), /TAKEN MID 1 or 2/);
    assert.equal(await redis.client.get(keys.spool(SECOND)), 'of another');
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME, 10), []);
    assert.deepEqual(await ledger.track({ mid: FIRST }), []);
    const { seen, skipped } = await ledger.counters();
    assert.deepEqual([seen, skipped['enqueue-failed']], [2, 2]);
  });

  it('is refused where a MID of it has another copy, whose body stays', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1)], skipped: [] }, Buffer.from('of another'));
    const copy = sampleCopy(1, { journalId: 'another' });
    await assert.rejects(ledger.commit({ enqueue: [copy], skipped: [] }, BODY), /TAKEN MID 1/);
    assert.equal(await redis.client.get(keys.spool(FIRST)), 'of another');
  });

  it('is refused where its body cannot be stored, and may then be withdrawn', async () => {
    const others = Object.values(keys).filter((key) => typeof key === 'string');
    const patterns = [...others, '{tdc}:copy:*', '{tdc}:oldest:*', keys.midsOf('*')].map((key) => `~${key}`);
    await redis.client.call('ACL', 'SETUSER', 'bodiless', 'on', '>geheim', '+@all', ...patterns);
    const client = await redis.connect();
    await client.call('AUTH', 'bodiless', 'geheim');
    const options = { now: () => time, trackingHours: 24, bodySeconds: 180 };
    const copies = [sampleCopy(1), sampleCopy(2)];
    const committed = createLedger(client, keys, options).commit({ enqueue: copies, skipped: [] }, BODY);
    await assert.rejects(committed, /NOPERM/);
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME, 10), copies);
    await ledger.withdraw([FIRST, SECOND]);
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME, 10), []);
  });

  it('takes nothing from others that go in the same call', async () => {
    await redis.client.set(keys.spool(FIRST), 'of another');
    const [taken, fine] = await Promise.allSettled(
      [1, 2].map((mid) => ledger.commit({ enqueue: [sampleCopy(mid)], skipped: [] }, BODY)),
    );
    assert.deepEqual([taken?.status, fine?.status], ['rejected', 'fulfilled']);
    assert.deepEqual(await ledger.orphans(SAMPLE_TIME, 10), [sampleCopy(2)]);
    assert.equal((await ledger.counters()).intakes['primary']?.enqueued, 1);
    assert.equal(await redis.client.get(keys.spool(FIRST)), 'of another');
    assert.ok((await redis.client.getBuffer(keys.spool(SECOND)))?.equals(BODY));
  });
});

describe('an attempt', () => {
  it('is handed what is known of its copy, and its body when it asks for it', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1)], skipped: [] }, BODY);
    const [ticket] = await ledger.beginAttempts([FIRST], LEASE_END, true);
    assert.ok(ticket?.kind === 'go');
    assert.deepEqual([ticket.copy, ticket.finishedAttempts], [sampleCopy(1), 0]);
    assert.ok(ticket.body?.equals(BODY));
  });

  it('is handed no body that it does not ask for, and none that is gone', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1), sampleCopy(2)], skipped: [] });
    await redis.client.set(keys.spool(FIRST), BODY);
    const bodies = async (withBodies: boolean) =>
      (await ledger.beginAttempts([FIRST, SECOND], LEASE_END, withBodies)).map(
        (ticket) => ticket.kind === 'go' && ticket.body?.length,
      );
    assert.deepEqual(await bodies(false), [undefined, undefined]);
    assert.deepEqual(await bodies(true), [BODY.length, undefined]);
  });

  it('behind one that failed is not begun before its time, whoever asks', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1), sampleCopy(2)], skipped: [] });
    await ledger.beginAttempts([FIRST], LEASE_END);
    const retryAt = SAMPLE_TIME + 60_000;
    const bounce = { attempt: 1, dcid: toDcid(5), reason: '4xx', response: '451 later', retryAt } as const;
    await ledger.softBounce(FIRST, bounce);
    time = retryAt - 1;
    assert.partialDeepStrictEqual(await ledger.beginAttempts([FIRST, SECOND], LEASE_END), [
      { kind: 'later', at: retryAt },
      { kind: 'go' },
    ]);
    assert.deepEqual(await ledger.activeCopies(retryAt - 1), {
      waiting: 0,
      attempting: 1,
      delayed: 1,
      dueSoon: 0,
    });
    assert.equal((await ledger.activeCopies(retryAt)).dueSoon, 1);
    time = retryAt;
    assert.partialDeepStrictEqual(await ledger.beginAttempts([FIRST], LEASE_END), [
      { kind: 'go', finishedAttempts: 1 },
    ]);
    assert.equal((await ledger.activeCopies(retryAt)).delayed, 0);
  });

  it('keeps its lease for longer when it is asked to, and only while it has one', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1)], skipped: [] });
    const lease = () => redis.client.zscore(keys.attempting, String(FIRST));
    await ledger.extendLease(FIRST, LEASE_END);
    assert.equal(await lease(), null);
    await ledger.beginAttempts([FIRST], LEASE_END);
    await ledger.extendLease(FIRST, LEASE_END + 5);
    await ledger.extendLease(FIRST, LEASE_END - 5);
    assert.equal(await lease(), String(LEASE_END + 5));
  });

  it('that has its outcome leaves the count of the active', async () => {
    await ledger.commit({ enqueue: [sampleCopy(1), sampleCopy(2)], skipped: [] }, BODY);
    assert.equal(await ledger.countActive([FIRST, SECOND, toMid(3)]), 2);
    await ledger.finish(FIRST, { kind: 'deleted' });
    assert.equal(await ledger.countActive([FIRST, SECOND]), 1);
    assert.equal(await redis.client.exists(keys.spool(FIRST)), 0);
  });
});
