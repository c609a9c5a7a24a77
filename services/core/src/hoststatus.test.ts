import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UNKNOWN_HOST } from './host-state.ts';
import { type HostStatusView, noRecordOfHost, renderHostStatus } from './hoststatus.ts';

const AS_OF = Date.UTC(2026, 7, 13, 14, 29, 42);
const VIEW: HostStatusView = {
  asOf: AS_OF,
  host: 'the.tdc.queue',
  state: {
    up: true,
    lastActivityAt: AS_OF - 1000,
    last5xx: '550 5.1.1 No such user',
    mxRecords: [{ exchange: 'mx.setd.example', priority: 10 }],
    addresses: ['198.51.100.7'],
  },
  softBouncedEvents: 4,
  hardBounced: { dns: 1, fiveXx: 2, filter: 3, expired: 4, other: 5 },
  delivered: 14_501,
  deleted: 6,
  unattempted: 7,
  attempted: 5,
  currentConnections: 3,
  pendingConnections: 0,
  oldestMessageAt: AS_OF - 72_000,
};

const figureOf = (text: string, label: string): string | undefined =>
  new RegExp(`^ *${label} +([\\d,]+)$`, 'm').exec(text)?.[1];

describe('hoststatus', () => {
  const text = renderHostStatus(VIEW);

  const FIGURES: readonly (readonly [label: string, figure: string])[] = [
    ['Soft Bounced Events', '4'],
    ['Completed Recipients', '14,522'],
    ['Hard Bounced Recipients', '15'],
    ['DNS Hard Bounces', '1'],
    ['5XX Hard Bounces', '2'],
    ['Filter Hard Bounces', '3'],
    ['Expired Hard Bounces', '4'],
    ['Other Hard Bounces', '5'],
    ['Delivered Recipients', '14,501'],
    ['Deleted Recipients', '6'],
    ['Active Recipients', '12'],
    ['Unattempted Recipients', '7'],
    ['Attempted Recipients', '5'],
    ['Current Outbound Connections', '3'],
    ['Pending Outbound Connections', '0'],
  ];
  for (const [label, figure] of FIGURES) {
    it(`shows ${label}`, () => assert.equal(figureOf(text, label), figure));
  }

  it('shows the state of the host and what is known of it', () => {
    assert.match(text, /^Host up\/down: +up$/m);
    assert.match(text, /^Oldest Message +1 mins 12 secs$/m);
    assert.match(text, /^Last Activity +Thu Aug 13 14:29:41 2026 UTC$/m);
    assert.match(text, /^ {2}10 +mx\.setd\.example$/m);
    assert.match(text, /^ {2}198\.51\.100\.7$/m);
    assert.match(text, /^ {2}550 5\.1\.1 No such user$/m);
  });

  it('says so where nothing is known', () => {
    const empty = renderHostStatus({ ...VIEW, state: { ...UNKNOWN_HOST, up: false }, oldestMessageAt: 0 });
    assert.match(empty, /^Host up\/down: +down$/m);
    assert.match(empty, /^Oldest Message +No Messages$/m);
    assert.match(empty, /^Last Activity +none$/m);
    assert.match(empty, /^MX Records:\n {2}none known$/m);
    assert.match(empty, /^Last 5XX Error:\n {2}none$/m);
  });

  it('has no record of an unknown host', () => {
    assert.equal(noRecordOfHost('x.example'), 'No record of host: x.example');
  });
});
