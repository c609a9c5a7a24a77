import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  accountingDifference,
  activeRecipients,
  HARD_BOUNCE_REASONS,
  queueTotals,
  SKIP_REASONS,
  type SkipReason,
  SOFT_BOUNCE_REASONS,
  toDcid,
  toMid,
} from '@tdc/core';
import { createLedger, createRedisKeys, type FinalOutcome, type Ledger } from '@tdc/platform';
import fc from 'fast-check';
import { SAMPLE_TIME, sampleCopy, toIntake } from '../support/sample-copy.ts';
import { useRedis } from '../support/use-redis.ts';

const redis = useRedis();
const keys = createRedisKeys();
const INTAKES = ['primary', 'second'];
const MIDS = 6;

const copyOf = (mid: number) => toIntake(sampleCopy(mid), INTAKES[mid % 2] ?? '');
const midsArbitrary = fc.integer({ min: 1, max: MIDS });
const outcomes: fc.Arbitrary<FinalOutcome> = fc.oneof(
  fc.constant<FinalOutcome>({ kind: 'delivered', dcid: toDcid(3), response: '250 ok' }),
  fc.constant<FinalOutcome>({ kind: 'deleted' }),
  fc
    .constantFrom(...HARD_BOUNCE_REASONS)
    .map((reason): FinalOutcome => ({ kind: 'hard-bounced', dcid: toDcid(0), reason, response: 'no' })),
);

/** One call of the ledger, whether it makes sense at that moment or not. */
type Step = { readonly name: string; readonly run: (ledger: Ledger) => Promise<unknown> };
const step = (name: string, run: Step['run']): Step => ({ name, run });

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(
      fc.uniqueArray(midsArbitrary, { maxLength: 3 }),
      fc.array(fc.constantFrom<SkipReason>(...SKIP_REASONS), { maxLength: 2 }),
    )
    .map(([mids, skipped]) =>
      step(`commit ${mids.join()} skip ${skipped.join()}`, (ledger) =>
        ledger.commit({ enqueue: mids.map(copyOf), skipped }),
      ),
    ),
  fc
    .tuple(midsArbitrary, outcomes)
    .map(([mid, outcome]) =>
      step(`finish ${mid} ${outcome.kind}`, (ledger) => ledger.finish(toMid(mid), outcome)),
    ),
  fc
    .tuple(midsArbitrary, fc.integer({ min: 1, max: 3 }), fc.constantFrom(...SOFT_BOUNCE_REASONS))
    .map(([mid, attempt, reason]) =>
      step(`soft bounce ${mid} attempt ${attempt}`, (ledger) =>
        ledger.softBounce(toMid(mid), { attempt, dcid: toDcid(3), reason, response: 'later', retryAt: 0 }),
      ),
    ),
  midsArbitrary.map((mid) =>
    step(`begin ${mid}`, (ledger) => ledger.beginAttempts([toMid(mid)], SAMPLE_TIME + 30_000)),
  ),
  midsArbitrary.map((mid) => step(`release ${mid}`, (ledger) => ledger.releaseAttempt(toMid(mid)))),
  midsArbitrary.map((mid) => step(`withdraw ${mid}`, (ledger) => ledger.withdraw([toMid(mid)]))),
  midsArbitrary.map((mid) => step(`confirm ${mid}`, (ledger) => ledger.confirmQueued([toMid(mid)]))),
  fc
    .integer({ min: 0, max: 3 })
    .map((maxCopies) =>
      step(`trim to ${maxCopies}`, (ledger) => ledger.trimTracking({ keepFrom: 0, maxCopies })),
    ),
);

const scores = async (key: string): Promise<string[]> => (await redis.client.zrange(key, '0', '-1')).sort();

/** What must hold between any two calls of the ledger. */
async function checkLaws(ledger: Ledger): Promise<void> {
  const counters = await ledger.counters();
  assert.equal(accountingDifference(counters), 0);
  const counts = Object.values(counters.intakes).flatMap(({ unattempted, attempted }) => [
    unattempted,
    attempted,
  ]);
  assert.ok(
    counts.every((count) => count >= 0),
    'no active count is negative',
  );
  const active = await scores(keys.active);
  assert.equal(activeRecipients(queueTotals(counters)), active.length, 'the gauge is the set');
  const oldest = await Promise.all(INTAKES.map((intake) => scores(keys.oldest(intake))));
  assert.deepEqual(
    oldest.flat().sort(),
    active,
    'every active copy is in the set of its intake, and no other is',
  );
  const attempting = await scores(keys.attempting);
  for (const key of [keys.attempting, keys.unqueued, keys.later]) {
    const others = await scores(key);
    assert.ok(
      others.every((mid) => active.includes(mid)),
      `${key} holds active copies alone`,
    );
    assert.ok(
      key === keys.attempting || !others.some((mid) => attempting.includes(mid)),
      `${key} holds no copy that is being attempted`,
    );
  }
  const tracking = await scores(keys.tracking);
  assert.ok(
    active.every((mid) => tracking.includes(mid)),
    'tracking knows every active copy',
  );
  const records = await redis.client.keys(`${keys.prefix}:copy:*`);
  const tracked = tracking.map((mid) => keys.copy(toMid(Number(mid))));
  assert.deepEqual(records.sort(), tracked, 'there is a record for what tracking knows, and no other');
}

describe('the account', () => {
  it('balances after every call, whatever calls come in whatever order', async () => {
    const property = fc.asyncProperty(
      fc.array(steps, { minLength: 1, maxLength: 40, size: 'max' }),
      async (sequence) => {
        await redis.client.flushall();
        const ledger = createLedger(redis.client, keys, { now: () => SAMPLE_TIME, trackingHours: 24 });
        for (const { run } of sequence) {
          await run(ledger);
          await checkLaws(ledger);
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it('balances when any calls come at the same time from several processes, and each outcome is told once', async () => {
    const ledgers = await Promise.all(
      Array.from({ length: 4 }, async () =>
        createLedger(await redis.connect(), keys, { now: () => SAMPLE_TIME, trackingHours: 24 }),
      ),
    );
    const [ledger] = ledgers as [Ledger];
    const property = fc.asyncProperty(
      fc.array(steps, { minLength: 20, maxLength: 120, size: 'max' }),
      async (sequence) => {
        await redis.client.flushall();
        await ledger.commit({ enqueue: [1, 2, 3, 4, 5, 6].map(copyOf), skipped: [] });
        const answers = await Promise.all(
          sequence.map(({ name, run }, index) =>
            run(ledgers[index % ledgers.length] ?? ledger).then((answer) => ({ name, answer })),
          ),
        );
        await checkLaws(ledger);
        const told = answers.filter(({ name, answer }) => name.startsWith('finish') && answer === true);
        const { delivered, hardBounced, deleted } = queueTotals(await ledger.counters());
        const bounced = Object.values(hardBounced).reduce((sum, count) => sum + count, 0);
        assert.equal(told.length, delivered + bounced + deleted);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });
});
