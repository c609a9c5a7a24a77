import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatNumber, formatSpread, renderTable } from './table.ts';

describe('formatNumber', () => {
  const cases: readonly [number | undefined, string][] = [
    [undefined, '–'],
    [Number.POSITIVE_INFINITY, '–'],
    [0.1234, '0.123'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [123.4, '123'],
    [12_345, '12,345'],
  ];
  for (const [value, expected] of cases)
    it(`${value} is written ${expected}`, () => assert.equal(formatNumber(value), expected));
});

describe('formatSpread', () => {
  it('shows how far the rounds lie apart', () =>
    assert.equal(formatSpread({ median: 20, min: 10, max: 30 }), '20.0 (10.0–30.0)'));
  it('is one number when they agree', () =>
    assert.equal(formatSpread({ median: 5, min: 5, max: 5 }), '5.00'));
  it('is a dash when nothing was measured', () => assert.equal(formatSpread(undefined), '–'));
});

describe('renderTable', () => {
  it('lines up, the first column to the left and numbers to the right', () => {
    assert.equal(
      renderTable(
        ['load', 'per second'],
        [
          ['4 KB', '1,234'],
          ['one per connection', '9'],
        ],
      ),
      [
        '| load               | per second |',
        '| ------------------ | ---------: |',
        '| 4 KB               |      1,234 |',
        '| one per connection |          9 |',
      ].join('\n'),
    );
  });
});
