import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { createDeadlines } from './deadlines.ts';

describe('deadlines', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 }));
  afterEach(() => mock.timers.reset());

  it('are shared by what comes at once, and by nothing that comes later', () => {
    const deadline = createDeadlines(3000, Date.now);
    const first = deadline();
    mock.timers.tick(99);
    assert.equal(deadline(), first);
    mock.timers.tick(1);
    assert.notEqual(deadline(), first);
  });

  it('come in time, and a tenth of a second early at most', () => {
    const deadline = createDeadlines(3000, Date.now);
    deadline();
    mock.timers.tick(50);
    const signal = deadline();
    mock.timers.tick(2900);
    assert.equal(signal.aborted, false);
    mock.timers.tick(100);
    assert.equal(signal.aborted, true);
  });

  it('are told to whoever listens when they come, once', () => {
    const deadline = createDeadlines(3000, Date.now)();
    const told: string[] = [];
    const gone = (): void => void told.push('gone');
    deadline.addEventListener('abort', () => void told.push(`told, ${deadline.aborted}`));
    deadline.addEventListener('abort', gone);
    deadline.removeEventListener('abort', gone);
    mock.timers.tick(2999);
    assert.deepEqual(told, []);
    mock.timers.tick(3000);
    assert.deepEqual(told, ['told, true']);
  });

  it('begin anew when the clock was set back', () => {
    let now = 1_000_000;
    const deadline = createDeadlines(3000, () => now);
    const first = deadline();
    now -= 60_000;
    assert.notEqual(deadline(), first);
  });
});
