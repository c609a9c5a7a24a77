import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { connectionTarget } from './connection-scaling.ts';

const LIMITS = { min: 3, max: 100 };
const target = (activeRecipients: number, secondsPerCopy = 0.2, workers = 1): number =>
  connectionTarget({ activeRecipients, secondsPerCopy, workers }, LIMITS);

const CASES: readonly (readonly [
  name: string,
  active: number,
  seconds: number,
  workers: number,
  target: number,
])[] = [
  ['none for an empty queue', 0, 0.2, 1, 0],
  ['three for one copy', 1, 0.2, 1, 3],
  ['three for as many as ten each', 30, 0.2, 1, 3],
  ['one more for every ten copies', 31, 0.001, 1, 4],
  ['eight, while they drain it in time', 400, 0.2, 1, 8],
  ['one more for a longer queue', 401, 0.2, 1, 9],
  ['more when a copy takes longer', 150, 2, 1, 30],
  ['a share each when several workers drain it', 240, 0.2, 8, 3],
  ['the ceiling for a huge queue', 1_000_000, 0.2, 1, 100],
  ['a guess while no copy was measured', 401, 0, 1, 9],
];

describe('the number of connections', () => {
  for (const [name, active, seconds, workers, wanted] of CASES) {
    it(name, () => assert.equal(target(active, seconds, workers), wanted));
  }

  const active = fc.integer({ min: 0, max: 1_000_000 });
  const seconds = fc.double({ min: 0.001, max: 60, noNaN: true });

  it('never falls while the queue grows, or a copy takes longer', () => {
    fc.assert(
      fc.property(active, active, seconds, seconds, (a, b, s, t) => {
        assert.ok(target(Math.min(a, b), s) <= target(Math.max(a, b), s));
        assert.ok(target(a, Math.min(s, t)) <= target(a, Math.max(s, t)));
      }),
    );
  });

  it('never rises as workers join', () => {
    const workers = fc.integer({ min: 1, max: 50 });
    fc.assert(
      fc.property(active, seconds, workers, workers, (a, s, v, w) => {
        assert.ok(target(a, s, Math.max(v, w)) <= target(a, s, Math.min(v, w)));
      }),
    );
  });

  it('obeys a ceiling below the minimum, and a count of workers that is not known yet', () => {
    const load = { activeRecipients: 600, secondsPerCopy: 0.2, workers: 0 };
    assert.equal(connectionTarget(load, { min: 3, max: 2 }), 2);
    assert.equal(connectionTarget(load, LIMITS), 12);
  });

  it('is 0, or between minimum and ceiling', () => {
    fc.assert(
      fc.property(active, seconds, fc.integer({ min: 1, max: 50 }), (a, s, workers) => {
        const wanted = target(a, s, workers);
        assert.ok(wanted === 0 ? a === 0 : wanted >= LIMITS.min && wanted <= LIMITS.max);
      }),
    );
  });
});
