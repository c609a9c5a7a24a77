import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  accountingDifference,
  activeRecipients,
  completedRecipients,
  hardBouncedRecipients,
  type IntakeCounters,
  NO_COUNTS,
  type QueueCounters,
  queueTotals,
  skippedMessages,
  softBouncedEvents,
} from './counters.ts';

const ONE: IntakeCounters = {
  enqueued: 10,
  delivered: 4,
  softBounced: { '4xx': 2, network: 1 },
  hardBounced: { dns: 1, expired: 2 },
  deleted: 1,
  unattempted: 1,
  attempted: 1,
};
const QUEUE: QueueCounters = { seen: 13, skipped: { spam: 2, outgoing: 1 }, intakes: { one: ONE } };

describe('counters', () => {
  it('add up', () => {
    assert.equal(activeRecipients(ONE), 2);
    assert.equal(softBouncedEvents(ONE), 3);
    assert.equal(hardBouncedRecipients(ONE), 3);
    assert.equal(completedRecipients(ONE), 8);
    assert.equal(skippedMessages(QUEUE), 3);
  });

  it('of all intakes are the sums of each', () => {
    const totals = queueTotals({ ...QUEUE, intakes: { one: ONE, two: ONE } });
    assert.equal(totals.enqueued, 20);
    assert.deepEqual(totals.softBounced, { '4xx': 4, network: 2 });
    assert.deepEqual(totals.hardBounced, { dns: 2, expired: 4 });
    assert.deepEqual(queueTotals({ seen: 0, skipped: {}, intakes: {} }), NO_COUNTS);
  });
});

describe('the conservation law', () => {
  it('holds for a balanced account', () => assert.equal(accountingDifference(QUEUE), 0));

  const DRIFTS: readonly (readonly [name: string, queue: QueueCounters, difference: number])[] = [
    ['a message seen and forgotten', { ...QUEUE, seen: 14 }, 1],
    ['a copy delivered twice', { ...QUEUE, intakes: { one: { ...ONE, delivered: 5 } } }, 1],
    ['a copy that vanished', { ...QUEUE, intakes: { one: { ...ONE, attempted: 0 } } }, 1],
    ['a skip that was not counted', { ...QUEUE, skipped: { spam: 2 } }, 1],
  ];
  for (const [name, queue, difference] of DRIFTS) {
    it(`shows ${name}`, () => assert.equal(accountingDifference(queue), difference));
  }

  it('adds what is missing at the intake to what is missing in the queue', () => {
    const lost = { one: { ...ONE, attempted: 0 } };
    assert.equal(accountingDifference({ ...QUEUE, seen: 15, intakes: lost }), 3);
  });

  it('is not fooled by errors that cancel each other out', () => {
    const more = { ...ONE, delivered: ONE.delivered + 1 };
    const less = { ...ONE, delivered: ONE.delivered - 1 };
    assert.equal(accountingDifference({ seen: 23, skipped: QUEUE.skipped, intakes: { more, less } }), 2);
  });

  const count = fc.nat(1000);
  it('holds for whatever is delivered, bounced, deleted and active', () => {
    fc.assert(
      fc.property(
        count,
        count,
        count,
        count,
        count,
        count,
        (delivered, dns, deleted, unattempted, attempted, spam) => {
          const enqueued = delivered + dns + deleted + unattempted + attempted;
          const one = {
            ...NO_COUNTS,
            enqueued,
            delivered,
            hardBounced: { dns },
            deleted,
            unattempted,
            attempted,
          };
          assert.equal(
            accountingDifference({ seen: enqueued + spam, skipped: { spam }, intakes: { one } }),
            0,
          );
        },
      ),
    );
  });
});
