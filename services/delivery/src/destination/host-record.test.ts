import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import type { DeliveryFailure, HostState } from '@tdc/core';
import { HostRecord } from './host-record.ts';

const DOWN: DeliveryFailure = { kind: 'network', reason: 'refused', detail: '' };
const reply = (code: number): DeliveryFailure => ({
  kind: 'smtp-reply',
  stage: 'rcpt',
  reply: { code, text: 'x' },
});

describe('what is known of a host', () => {
  let saved: Partial<HostState>[] = [];
  let host: HostRecord;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
    saved = [];
    host = new HostRecord('primary', {
      now: Date.now,
      saveHost: (_intake, change) => void saved.push(change),
    });
  });
  afterEach(() => mock.timers.reset());

  it('is up until a connection fails, and down until one stands', () => {
    assert.equal(host.isDown, false);
    host.failed(DOWN);
    assert.equal(host.isDown, true);
    host.reached();
    assert.equal(host.isDown, false);
  });

  it('going down and coming up is saved at once', () => {
    host.active();
    host.failed(DOWN);
    host.reached();
    assert.deepEqual(
      saved.map(({ up }) => up),
      [undefined, false, true],
    );
  });

  it('activity is saved every two seconds, the last one, too', () => {
    host.active();
    for (let n = 0; n < 5; n += 1) {
      mock.timers.tick(100);
      host.active();
    }
    assert.deepEqual(saved, [{ lastActivityAt: 1_000_000 }]);
    mock.timers.tick(1_500);
    assert.deepEqual(saved, [{ lastActivityAt: 1_000_000 }, { lastActivityAt: 1_000_500 }]);
    mock.timers.tick(10_000);
    assert.equal(saved.length, 2);
  });

  it('is saved as what is new, never as what this process does not know', () => {
    host.refused(reply(550));
    host.resolved({ kind: 'resolved', candidates: [], mxRecords: [{ exchange: 'mx', priority: 1 }] });
    host.save();
    assert.deepEqual(saved, [
      { last5xx: '550 x' },
      { mxRecords: [{ exchange: 'mx', priority: 1 }], addresses: [] },
    ]);
    host.save();
    assert.equal(saved.length, 2);
  });

  it('the last 5XX reply alone is remembered, wherever it came', () => {
    for (const failure of [reply(450), DOWN, reply(554), reply(421)]) host.refused(failure);
    host.failed(reply(550));
    assert.deepEqual(
      saved.map(({ last5xx, up }) => [last5xx, up]),
      [
        ['554 x', undefined],
        ['550 x', undefined],
        [undefined, false],
      ],
    );
  });
});
