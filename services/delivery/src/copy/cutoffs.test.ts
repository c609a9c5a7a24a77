import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, it, type Mock, mock } from 'node:test';
import { InvariantError } from '@tdc/core';
import { Cutoffs } from './cutoffs.ts';

const NEVER = new AbortController().signal;

describe('attempts', () => {
  let set: Mock<typeof setTimeout>;
  let cutoffs: Cutoffs;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    set = mock.method(globalThis, 'setTimeout');
    cutoffs = new Cutoffs(Date.now);
  });
  afterEach(() => {
    mock.restoreAll();
    mock.timers.reset();
  });

  it('end at their deadlines, each at its own and none before, whatever the order in which they began', () => {
    const deadlines = [300, 100, 200, 100];
    const begun = deadlines.map((at) => cutoffs.begin(at, NEVER));
    for (let now = 50; now <= 350; now += 50) {
      mock.timers.tick(50);
      assert.deepEqual(
        begun.map(({ aborted }) => aborted),
        deadlines.map((at) => at <= now),
        `after ${now} ms`,
      );
    }
  });

  it('whose deadline is over when they begin end at once', () => {
    mock.timers.tick(100);
    const cutoff = cutoffs.begin(50, NEVER);
    mock.timers.tick(0);
    assert.equal(cutoff.aborted, true);
  });

  it('that have ended are not cut off any more, and have cost no timer of their own', () => {
    const begun = Array.from({ length: 50 }, (_, n) => cutoffs.begin(100 + n, NEVER));
    for (const cutoff of begun) cutoffs.end(cutoff);
    mock.timers.tick(1000);
    assert.ok(begun.every(({ aborted }) => !aborted));
    assert.equal(set.mock.callCount(), 1);
  });

  it('end with the signal of their job, and no others do', () => {
    const [one, other] = [new AbortController(), new AbortController()];
    cutoffs.follow(one.signal);
    cutoffs.follow(other.signal);
    const begun = [one, other, one].map(({ signal }) => cutoffs.begin(100, signal));
    one.abort();
    assert.deepEqual(
      begun.map(({ aborted }) => aborted),
      [true, false, true],
    );
    assert.equal(cutoffs.begin(100, one.signal).aborted, true, 'the signal has aborted before');
  });

  it('of a job leave one listener on its signal, and none when it is done', () => {
    const { signal } = new AbortController();
    const unfollow = cutoffs.follow(signal);
    for (let n = 0; n < 5; n += 1) cutoffs.begin(100, signal);
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    unfollow();
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  });

  it('tell whoever listens, once, and nobody who has left', () => {
    const cutoff = cutoffs.begin(100, NEVER);
    const told: string[] = [];
    const first = (): void => void told.push('first');
    cutoff.addEventListener('abort', first);
    assert.throws(() => cutoff.addEventListener('abort', () => undefined), InvariantError);
    cutoff.removeEventListener('abort', first);
    cutoff.addEventListener('abort', () => told.push('second'));
    cutoff.removeEventListener('abort', first);
    mock.timers.tick(100);
    mock.timers.tick(100);
    cutoff.cut();
    assert.deepEqual(told, ['second']);
  });
});
