import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { accountingDifference, type HardBounceReason, NO_CONNECTION, toDcid, toMid } from '@tdc/core';
import { createLedger, createRedisKeys, type FinalOutcome, type Ledger } from '@tdc/platform';
import { SAMPLE_TIME, sampleCopy, toIntake } from '../support/sample-copy.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();
const keys = createRedisKeys();
const options = { now: () => SAMPLE_TIME + 2000, trackingHours: 24 };
const MID = toMid(1);
const LEASE_END = SAMPLE_TIME + 30_000;
const DELIVERED: FinalOutcome = { kind: 'delivered', dcid: toDcid(5), response: '250 ok' };
const hardBounce = (reason: HardBounceReason): FinalOutcome => ({
  kind: 'hard-bounced',
  dcid: NO_CONNECTION,
  reason,
  response: '550 no',
});
/** The soft bounce of a first attempt over this connection. */
const laterFrom = (dcid: number) =>
  ({ attempt: 1, dcid: toDcid(dcid), reason: '4xx', response: '451 later', retryAt: 0 }) as const;
let ledger: Ledger;

beforeEach(async () => {
  ledger = createLedger(redis.client, keys, options);
  await ledger.commit({ enqueue: [sampleCopy(1)], skipped: [] });
});

const primary = async () => (await ledger.counters()).intakes['primary'];
const tracked = async () => (await ledger.track({ mid: MID }))[0];

describe('an attempt', () => {
  it('makes the copy attempted and keeps it so through a retry', async () => {
    assert.partialDeepStrictEqual(await ledger.beginAttempts([MID], LEASE_END), [
      { kind: 'go', finishedAttempts: 0 },
    ]);
    assert.partialDeepStrictEqual(await primary(), { unattempted: 0, attempted: 1 });
    await ledger.softBounce(MID, laterFrom(5));
    assert.partialDeepStrictEqual(await ledger.beginAttempts([MID], LEASE_END), [
      { kind: 'go', finishedAttempts: 1 },
    ]);
    assert.partialDeepStrictEqual(await primary(), { unattempted: 0, attempted: 1 });
  });

  it('that a crash ended is none: the next worker goes on where the copy stood', async () => {
    await ledger.beginAttempts([MID], LEASE_END);
    assert.partialDeepStrictEqual(await ledger.beginAttempts([MID], LEASE_END), [
      { kind: 'go', finishedAttempts: 0 },
    ]);
    assert.partialDeepStrictEqual(await primary(), { unattempted: 0, attempted: 1 });
  });

  it('given back leaves the copy as it was', async () => {
    await ledger.beginAttempts([MID], LEASE_END);
    await ledger.releaseAttempt(MID);
    await ledger.releaseAttempt(MID);
    assert.partialDeepStrictEqual(await primary(), { unattempted: 1, attempted: 0 });
    await ledger.beginAttempts([MID], LEASE_END);
    await ledger.softBounce(MID, laterFrom(5));
    await ledger.beginAttempts([MID], LEASE_END);
    await ledger.releaseAttempt(MID);
    assert.partialDeepStrictEqual(await primary(), { unattempted: 0, attempted: 1 });
    assert.equal(await redis.client.zcard(keys.attempting), 0);
  });

  it('is refused once there is an outcome, and for a copy that was never known', async () => {
    await ledger.finish(MID, DELIVERED);
    assert.deepEqual(await ledger.beginAttempts([MID], LEASE_END), [{ kind: 'finished' }]);
    assert.deepEqual(await ledger.beginAttempts([toMid(99)], LEASE_END), [{ kind: 'finished' }]);
    await ledger.releaseAttempt(MID);
    await ledger.releaseAttempt(toMid(99));
    assert.equal(await redis.client.zcard(keys.attempting), 0);
    assert.equal(await redis.client.exists(keys.copy(toMid(99))), 0);
  });
});

describe('a soft bounce', () => {
  const bounce = { attempt: 1, dcid: toDcid(5), reason: 'network', response: 'timeout', retryAt: 0 } as const;

  it('counts once per attempt, however often it is told', async () => {
    await ledger.beginAttempts([MID], LEASE_END);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ledger.softBounce(MID, bounce)));
    assert.equal(answers.filter(Boolean).length, 1);
    assert.equal((await primary())?.softBounced.network, 1);
    assert.equal(await ledger.softBounce(MID, { ...bounce, attempt: 2, reason: '4xx' }), true);
    assert.partialDeepStrictEqual((await primary())?.softBounced, { network: 1, '4xx': 1 });
  });

  it('is nothing after the outcome, or for a copy that was never known', async () => {
    await ledger.finish(MID, DELIVERED);
    assert.equal(await ledger.softBounce(MID, bounce), false);
    assert.equal(await ledger.softBounce(toMid(99), bounce), false);
    assert.equal((await primary())?.softBounced.network, 0);
    assert.equal(await redis.client.exists(keys.copy(toMid(99))), 0);
  });

  it('shows in tracking, with an answer of bounded length', async () => {
    await ledger.softBounce(MID, { ...bounce, response: 'x'.repeat(5000) });
    assert.partialDeepStrictEqual(await tracked(), {
      finishedAttempts: 1,
      lastDcid: 5,
      lastReason: 'network',
    });
    assert.equal((await tracked())?.lastResponse, 'x'.repeat(500));
  });
});

describe('an outcome', () => {
  it('is recorded by exactly one of many who tell it at the same time', async () => {
    const ledgers = await Promise.all(
      Array.from({ length: 5 }, async () => createLedger(await redis.connect(), keys, options)),
    );
    const outcomes: readonly FinalOutcome[] = [DELIVERED, hardBounce('expired'), { kind: 'deleted' }];
    const answers = await Promise.all(
      ledgers.flatMap((one) => outcomes.map((outcome) => one.finish(MID, outcome))),
    );
    assert.equal(answers.filter(Boolean).length, 1);
    const counters = await ledger.counters();
    assert.equal(accountingDifference(counters), 0);
    assert.partialDeepStrictEqual(counters.intakes['primary'], { enqueued: 1, unattempted: 0, attempted: 0 });
  });

  it('is nothing for a copy that was never known', async () => {
    assert.equal(await ledger.finish(toMid(99), DELIVERED), false);
    assert.equal(await redis.client.exists(keys.copy(toMid(99))), 0);
  });

  const cases: readonly [name: string, outcome: FinalOutcome, counted: object][] = [
    ['delivered', DELIVERED, { delivered: 1 }],
    ['hard bounced by a TLS error', hardBounce('tls'), { hardBounced: { tls: 1 } }],
    ['expired', hardBounce('expired'), { hardBounced: { expired: 1 } }],
    ['deleted by the operator', { kind: 'deleted' }, { deleted: 1 }],
  ];
  for (const [name, outcome, counted] of cases) {
    it(`${name} is counted for the copy's own intake`, async () => {
      const copy = toIntake(sampleCopy(2), 'second');
      await ledger.commit({ enqueue: [copy], skipped: [] });
      await ledger.beginAttempts([copy.mid], LEASE_END);
      assert.equal(await ledger.finish(copy.mid, outcome), true);
      const counters = await ledger.counters();
      assert.partialDeepStrictEqual(counters.intakes['second'], { ...counted, unattempted: 0, attempted: 0 });
      assert.partialDeepStrictEqual(counters.intakes['primary'], { enqueued: 1, unattempted: 1, deleted: 0 });
      assert.equal(accountingDifference(counters), 0);
    });
  }

  it('leaves nothing but what tracking and the counters need', async () => {
    await redis.client.set(keys.spool(MID), 'abc');
    await ledger.beginAttempts([MID], LEASE_END);
    await ledger.finish(MID, DELIVERED);
    const { messageIdHeader } = sampleCopy(1);
    const index = (await redis.client.keys(keys.midsOf('*')))[0] ?? '';
    assert.deepEqual(
      (await redis.client.keys('*')).sort(),
      [keys.copy(MID), keys.counters, index, keys.tracking].sort(),
    );
    assert.equal((await ledger.track({ messageIdHeader })).length, 1);
  });

  it('lets the record live on for the time of tracking, and no longer', async () => {
    assert.equal(await redis.client.pttl(keys.copy(MID)), -1, 'an active copy never expires');
    await ledger.finish(MID, DELIVERED);
    const end = await redis.client.pexpiretime(keys.copy(MID));
    assert.equal(end, SAMPLE_TIME + 2000 + 24 * 3_600_000);
  });

  it('shows in tracking with its attempt', async () => {
    await ledger.beginAttempts([MID], LEASE_END);
    await ledger.softBounce(MID, laterFrom(4));
    await ledger.beginAttempts([MID], LEASE_END);
    await ledger.finish(MID, DELIVERED);
    const copy = sampleCopy(1);
    assert.deepEqual(await tracked(), {
      mid: 1,
      state: 'delivered',
      messageIdHeader: copy.messageIdHeader,
      sender: copy.sender,
      recipients: copy.recipients,
      policy: copy.policy,
      policyRevision: copy.policyRevision,
      intake: copy.route.intake,
      intakeAddress: copy.route.address,
      journalId: copy.journalId,
      sizeBytes: copy.sizeBytes,
      enqueuedAt: copy.enqueuedAt,
      expiresAt: copy.expiresAt,
      finishedAttempts: 2,
      lastDcid: 5,
      lastReason: '',
      lastResponse: '250 ok',
      finishedAt: SAMPLE_TIME + 2000,
    });
  });

  it('without an attempt keeps the connection of the last one', async () => {
    await ledger.beginAttempts([MID], LEASE_END);
    await ledger.softBounce(MID, laterFrom(4));
    await ledger.finish(MID, hardBounce('expired'));
    assert.partialDeepStrictEqual(await tracked(), {
      state: 'hard-bounced',
      finishedAttempts: 1,
      lastDcid: 4,
      lastReason: 'expired',
    });
  });
});

describe('a bounce or outcome whose answer was lost', () => {
  /** A ledger, and what makes its next call take effect without an answer. */
  async function openHasty(): Promise<{
    hasty: Ledger;
    unanswered: (call: () => Promise<unknown>) => Promise<void>;
  }> {
    const hasty = createLedger(await redis.connect({ commandTimeoutSeconds: 0.1 }), keys, options);
    const unanswered = async (call: () => Promise<unknown>): Promise<void> => {
      redis.server.signal('SIGSTOP');
      try {
        await assert.rejects(call());
      } finally {
        redis.server.signal('SIGCONT');
      }
    };
    return { hasty, unanswered };
  }

  it('is told to whoever asks again, and to nobody else', async () => {
    const { hasty, unanswered } = await openHasty();
    const bounce = { attempt: 1, dcid: toDcid(5), reason: '4xx', response: '451 later', retryAt: 0 } as const;
    await unanswered(() => hasty.softBounce(MID, bounce));
    await waitUntil(async () => (await primary())?.softBounced['4xx'] === 1);
    assert.equal(await ledger.softBounce(MID, bounce), false);
    assert.equal(await hasty.softBounce(MID, bounce), true);
    assert.equal(await hasty.softBounce(MID, bounce), false);
    await unanswered(() => hasty.finish(MID, DELIVERED));
    await waitUntil(async () => (await primary())?.delivered === 1);
    assert.equal(await ledger.finish(MID, DELIVERED), false);
    assert.equal(await hasty.finish(MID, { kind: 'deleted' }), false, 'that was another outcome');
    assert.equal(await hasty.finish(MID, DELIVERED), true);
    assert.equal(await hasty.finish(MID, DELIVERED), false);
    assert.partialDeepStrictEqual(await primary(), { delivered: 1, deleted: 0, softBounced: { '4xx': 1 } });
  });
});
