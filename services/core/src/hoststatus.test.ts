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

  it('is laid out as the gateway does it', () => {
    const lines = text.split('\n');
    assert.deepEqual(lines.slice(0, 11), [
      'Host mail status for:',
      "'the.tdc.queue'",
      'Status as of:         Thu Aug 13 14:29:42 2026 UTC',
      'Host up/down:         up',
      '',
      'Counters:',
      '  Queue',
      '    Soft Bounced Events                        4',
      '  Completion',
      '    Completed Recipients                  14,522',
      '      Hard Bounced Recipients                 15',
    ]);
    assert.deepEqual(lines.slice(-11), [
      'Oldest Message                      1 mins 12 secs',
      'Last Activity                       Thu Aug 13 14:29:41 2026 UTC',
      '',
      'MX Records:',
      '  10    mx.setd.example',
      'Ordered IP addresses:',
      '  198.51.100.7',
      '',
      'Last 5XX Error:',
      '  550 5.1.1 No such user',
      '',
    ]);
  });

  const AGES: readonly (readonly [seconds: number, age: string])[] = [
    [0, '0 secs'],
    [59, '59 secs'],
    [3600, '1 hours 0 mins'],
    [7325, '2 hours 2 mins'],
    [-5, '0 secs'],
  ];
  for (const [seconds, age] of AGES) {
    it(`shows the oldest message ${seconds} seconds after it came`, () => {
      const aged = renderHostStatus({ ...VIEW, oldestMessageAt: AS_OF - seconds * 1000 });
      assert.equal(/^Oldest Message +(.*)$/m.exec(aged)?.[1], age);
    });
  }

  it('lets no peer write to the terminal, nor fill it', () => {
    const lastErrorOf = (last5xx: string) => {
      const shown = renderHostStatus({ ...VIEW, state: { ...VIEW.state, last5xx } });
      return shown.slice(shown.indexOf('Last 5XX Error:\n') + 16);
    };
    assert.equal(
      lastErrorOf('550 \u001b[2J\u009b\r\nHost up/down: up'),
      '  550 \\x1b[2J\\x9b\\x0d\\x0aHost up/down: up\n',
    );
    assert.equal(lastErrorOf('x'.repeat(5000)), `  ${'x'.repeat(500)}...\n`);
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
