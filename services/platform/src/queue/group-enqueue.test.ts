import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JournalCopy } from '@tdc/core';
import fc from 'fast-check';
import { sampleCopy, toIntake } from '../../../../test/support/sample-copy.ts';
import { groupEnqueue, jobsOf, MAX_COPIES_PER_JOB } from './group-enqueue.ts';

const midsOf = (jobs: readonly (readonly JournalCopy[])[]) => jobs.map((job) => job.map(({ mid }) => mid));
const series = (count: number, changes: Partial<JournalCopy> = {}) =>
  Array.from({ length: count }, (_, index) => sampleCopy(index + 1, changes));

describe('the jobs of copies', () => {
  it('hold copies that go the same way, in the order in which they came', () => {
    const copies = [
      sampleCopy(1),
      toIntake(sampleCopy(2), 'second'),
      sampleCopy(3),
      sampleCopy(4, { route: { ...sampleCopy(4).route, port: 26 } }),
      toIntake(sampleCopy(5), 'second'),
    ];
    assert.deepEqual(midsOf(jobsOf(copies)), [[1, 3], [2, 5], [4]]);
  });

  it('hold no more copies, and no more octets, than one job may', () => {
    assert.deepEqual(
      jobsOf(series(2 * MAX_COPIES_PER_JOB + 1)).map(({ length }) => length),
      [MAX_COPIES_PER_JOB, MAX_COPIES_PER_JOB, 1],
    );
    assert.deepEqual(midsOf(jobsOf(series(3, { sizeBytes: 600_000 }))), [[1], [2], [3]]);
    assert.deepEqual(midsOf(jobsOf(series(3, { sizeBytes: 500_000 }))), [[1, 2], [3]]);
  });

  it('hold every copy once, whatever comes', () => {
    const copy = fc.record({
      size: fc.integer({ min: 0, max: 2_000_000 }),
      intake: fc.constantFrom('a', 'b'),
    });
    fc.assert(
      fc.property(fc.array(copy, { maxLength: 100 }), (all) => {
        const copies = all.map(({ size, intake }, n) =>
          toIntake(sampleCopy(n + 1, { sizeBytes: size }), intake),
        );
        const held = jobsOf(copies).flat();
        const sorted = (some: readonly JournalCopy[]) => some.map(({ mid }) => mid).sort((a, b) => a - b);
        assert.deepEqual(sorted(held), sorted(copies));
        for (const job of jobsOf(copies)) {
          assert.ok(job.length > 0);
          assert.equal(new Set(job.map(({ route }) => route.intake)).size, 1);
        }
      }),
    );
  });
});

describe('copies that are queued', () => {
  it('at once share a job; one that comes alone has its own', async () => {
    const added: (readonly number[])[][] = [];
    const enqueue = groupEnqueue({ add: async (jobs) => void added.push(midsOf(jobs)) });
    await Promise.all([enqueue([sampleCopy(1)]), enqueue([sampleCopy(2)]), enqueue([])]);
    await enqueue([sampleCopy(3)]);
    assert.deepEqual(added, [[[1, 2]], [[3]]]);
  });
});
