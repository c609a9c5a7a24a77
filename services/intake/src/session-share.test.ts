import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { SessionShare } from './session-share.ts';

describe('what one session may carry', () => {
  it('ends with so many messages', () => {
    const share = new SessionShare({ maxSessionMessages: 2, maxSessionSeconds: 0 });
    share.countMessage();
    assert.equal(share.isUsedUp, false);
    share.countMessage();
    assert.equal(share.isUsedUp, true);
    share.countMessage();
    assert.equal(share.isUsedUp, true);
  });

  it('ends with so many seconds', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const share = new SessionShare({ maxSessionMessages: 0, maxSessionSeconds: 2 });
      const over = new SessionShare({ maxSessionMessages: 0, maxSessionSeconds: 2 });
      over.stop();
      mock.timers.tick(1999);
      assert.equal(share.isUsedUp, false);
      mock.timers.tick(1);
      assert.deepEqual([share.isUsedUp, over.isUsedUp], [true, false]);
    } finally {
      mock.timers.reset();
    }
  });

  it('has no end where there is no limit', () => {
    const share = new SessionShare({ maxSessionMessages: 0, maxSessionSeconds: 0 });
    for (let n = 0; n < 10_000; n += 1) share.countMessage();
    assert.equal(share.isUsedUp, false);
  });
});
