import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, type Mock, mock } from 'node:test';
import { Patience } from './patience.ts';

describe('patience', () => {
  let over = 0;
  let set: Mock<typeof setTimeout>;
  let patience: Patience;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    set = mock.method(globalThis, 'setTimeout');
    over = 0;
    patience = new Patience(() => {
      over += 1;
    }, Date.now);
  });
  afterEach(() => {
    mock.restoreAll();
    mock.timers.reset();
  });

  /** Whether it is over after exactly so long, and not before. */
  const overAfter = (ms: number): boolean => {
    mock.timers.tick(ms - 1);
    const before = over;
    mock.timers.tick(1);
    return before === 0 && over === 1;
  };

  it('is over when the time is, once', () => {
    patience.start(100);
    assert.ok(overAfter(100));
    mock.timers.tick(1000);
    assert.equal(over, 1);
  });

  it('counts from the last beginning, with one timer for many of them', () => {
    for (let n = 0; n < 50; n += 1) {
      patience.start(100);
      mock.timers.tick(1);
      patience.stop();
    }
    patience.start(100);
    assert.equal(set.mock.callCount(), 1);
    assert.ok(overAfter(100));
    assert.equal(set.mock.callCount(), 2);
  });

  it('may be shorter than before, and longer', () => {
    patience.start(1000);
    patience.start(100);
    assert.ok(overAfter(100));
    over = 0;
    patience.start(100);
    patience.start(1000);
    assert.ok(overAfter(1000));
  });

  it('is never over while nothing is waited for, and begins anew', () => {
    patience.start(100);
    patience.stop();
    mock.timers.tick(1000);
    assert.equal(over, 0);
    patience.start(100);
    assert.ok(overAfter(100));
  });

  it('leaves no timer behind when it is closed', () => {
    const clear = mock.method(globalThis, 'clearTimeout');
    patience.start(100);
    patience.close();
    mock.timers.tick(1000);
    assert.equal(over, 0);
    assert.ok(clear.mock.calls.some(({ arguments: [timer] }) => timer === set.mock.calls[0]?.result));
  });

  it('waits again where it is begun in the moment in which it is over', () => {
    const again = new Patience(() => {
      over += 1;
      if (over === 1) again.start(100);
    }, Date.now);
    again.start(100);
    mock.timers.tick(100);
    mock.timers.tick(99);
    assert.equal(over, 1);
    mock.timers.tick(1);
    assert.equal(over, 2);
  });
});
