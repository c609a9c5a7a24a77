import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CEILING_PATIENCE_MS, Growth } from './growth.ts';

const UP = false;
const DOWN = true;

describe('connections there may be', () => {
  it('are as many as are wanted', () => {
    assert.equal(new Growth(5000).limit(7, 0, UP), 7);
    assert.equal(new Growth(5000).limit(0, 0, UP), 0);
  });

  it('are one for five seconds when one failed beside others, and none when none is wanted', () => {
    const growth = new Growth(5000);
    growth.failedBesideOthers(1000);
    assert.deepEqual(
      [growth.limit(7, 5999, UP), growth.limit(0, 5999, UP), growth.limit(7, 6000, UP)],
      [1, 0, 7],
    );
  });

  it('are one for a while when every place is taken', () => {
    const growth = new Growth(5000);
    growth.metCeiling(0);
    assert.deepEqual(
      [growth.limit(7, CEILING_PATIENCE_MS - 1, UP), growth.limit(7, CEILING_PATIENCE_MS, UP)],
      [1, 7],
    );
  });

  it('to a host that is down are one, later each time, but never later than the longest time', () => {
    const growth = new Growth(3000);
    const waits = [];
    let now = 0;
    for (let n = 0; n < 5; n += 1) {
      growth.failedAlone(now);
      const wait = growth.untilProbe(now);
      waits.push(wait);
      assert.equal(growth.limit(7, now + wait - 1, DOWN), 0);
      assert.equal(growth.limit(7, now + wait, DOWN), 1);
      now += wait;
    }
    assert.deepEqual(waits, [500, 1000, 2000, 3000, 3000]);
  });

  it('begin anew when one stood', () => {
    const growth = new Growth(5000);
    for (let n = 0; n < 4; n += 1) growth.failedAlone(0);
    growth.succeeded();
    growth.failedAlone(0);
    assert.equal(growth.untilProbe(0), 500);
    assert.equal(growth.untilProbe(10_000), 0);
  });
});
