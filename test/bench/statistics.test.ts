import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { percentile, spreadOf, summarize } from './statistics.ts';

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => n + 1);
  const cases: readonly [string, readonly number[], number, number | undefined][] = [
    ['of nothing there is none', [], 0.5, undefined],
    ['of one value is that value', [7], 0.99, 7],
    ['the 50th of 1 to 100 is 50', hundred, 0.5, 50],
    ['the 99th of 1 to 100 is 99', hundred, 0.99, 99],
    ['the 100th is the largest', hundred, 1, 100],
    ['the 0th is the smallest', hundred, 0, 1],
  ];
  for (const [name, values, share, expected] of cases)
    it(name, () => assert.equal(percentile(values, share), expected));
});

describe('summarize', () => {
  it('sorts by number, whatever order they come in', () => {
    assert.deepEqual(summarize([100, 9, 20]), { count: 3, p50: 20, p99: 100, max: 100 });
  });
  it('says nothing of nothing', () => assert.equal(summarize([]), undefined));
});

describe('spreadOf', () => {
  it('is the middle round, with the least and the most', () => {
    assert.deepEqual(spreadOf([30, 10, 200]), { median: 30, min: 10, max: 200 });
  });
  it('takes the mean of the middle two of an even number', () => {
    assert.deepEqual(spreadOf([4, 1, 2, 10]), { median: 3, min: 1, max: 10 });
  });
  it('is undefined without a round', () => assert.equal(spreadOf([]), undefined));
});
