import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TurnTimes } from './turn-times.ts';

describe('copies that find no room', () => {
  it('come back one turn after the other, at the pace of the destination', () => {
    const turns = new TurnTimes(() => 0);
    const pace = { secondsPerCopy: 2, connections: 4 };
    assert.deepEqual([turns.next(pace), turns.next(pace), turns.next(pace)], [500, 1000, 1500]);
  });

  it('come back soon while the pace is a guess', () => {
    const turns = new TurnTimes(() => 0);
    const waits = Array.from({ length: 100 }, () => turns.next({ secondsPerCopy: 0, connections: 0 }));
    assert.ok(Math.max(...waits) <= 2000);
    assert.ok(new Set(waits).size > 5, 'and not all at once');
  });

  it('begin to count anew when time has passed', () => {
    let now = 0;
    const turns = new TurnTimes(() => now);
    const pace = { secondsPerCopy: 1, connections: 1 };
    turns.next(pace);
    turns.next(pace);
    now = 60_000;
    assert.equal(turns.next(pace), 1000);
  });

  it('never wait for nothing, nor for ever', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            secondsPerCopy: fc.double({ min: 0, max: 300, noNaN: true }),
            connections: fc.nat(200),
          }),
        ),
        (paces) => {
          const turns = new TurnTimes(() => 0);
          for (const pace of paces) {
            const wait = turns.next(pace);
            assert.ok(wait >= 250 && wait <= 30_000, String(wait));
          }
        },
      ),
    );
  });
});
