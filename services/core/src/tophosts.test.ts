import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  renderTopHosts,
  sortTopHosts,
  type TopHostsColumn,
  type TopHostsRow,
  withThousands,
} from './tophosts.ts';

const AS_OF = Date.UTC(2026, 7, 13, 14, 29, 42);
const QUEUE: TopHostsRow = {
  host: 'the.tdc.queue',
  intake: '',
  down: false,
  activeRecipients: 12,
  connectionsOut: 3,
  deliveredRecipients: 14_501,
  softBouncedEvents: 4,
  hardBouncedRecipients: 1,
};

describe('tophosts', () => {
  it('looks as the gateway shows it, to the letter', () => {
    assert.equal(
      renderTopHosts({ asOf: AS_OF, rows: [QUEUE] }),
      `Status as of: Thu Aug 13 14:29:42 2026 UTC
Hosts marked with '*' were down as of the last delivery attempt.

                                     Active   Conn.     Deliv.       Soft       Hard
#    Recipient Host                  Recip.     Out     Recip.    Bounced    Bounced
1    the.tdc.queue                       12       3     14,501          4          1
`,
    );
  });

  it('marks the rank of a host that is down, and names intake and host', () => {
    const row = { ...QUEUE, host: 'setd.example', intake: 'primary', down: true };
    assert.match(
      renderTopHosts({ asOf: AS_OF, rows: [QUEUE, row] }),
      /^2\* {3}primary \(setd\.example\) {2,}12 /m,
    );
  });

  it('keeps its columns when a name is too long for its own', () => {
    const row = { ...QUEUE, host: 'a-very-long-name.of-a-host.example.com', intake: 'primary' };
    const lines = renderTopHosts({ asOf: AS_OF, rows: [row] }).split('\n');
    assert.equal(lines[5]?.length, lines[4]?.length);
  });

  it('keeps figures apart that outgrow their columns, and a rank of two digits in its own', () => {
    const large = { ...QUEUE, connectionsOut: 10_000, deliveredRecipients: 123_456_789, down: true };
    const rows = [...Array.from({ length: 9 }, () => QUEUE), large];
    assert.equal(
      renderTopHosts({ asOf: AS_OF, rows }).split('\n').at(-2),
      '10*  the.tdc.queue                       12  10,000 123,456,789          4          1',
    );
  });

  it('shows its head when there is no row', () => {
    assert.match(renderTopHosts({ asOf: AS_OF, rows: [] }), /Bounced {4}Bounced\n$/);
  });

  it('shows zeros', () => {
    const zero = {
      ...QUEUE,
      activeRecipients: 0,
      connectionsOut: 0,
      deliveredRecipients: 0,
      softBouncedEvents: 0,
      hardBouncedRecipients: 0,
    };
    assert.match(
      renderTopHosts({ asOf: AS_OF, rows: [zero] }),
      /^1 {4}the\.tdc\.queue {23} 0 {7}0 {10}0 {10}0 {10}0$/m,
    );
  });

  const ROWS: readonly TopHostsRow[] = [
    {
      ...QUEUE,
      host: 'b',
      activeRecipients: 1,
      connectionsOut: 3,
      deliveredRecipients: 2,
      softBouncedEvents: 3,
      hardBouncedRecipients: 1,
    },
    {
      ...QUEUE,
      host: 'a',
      activeRecipients: 3,
      connectionsOut: 2,
      deliveredRecipients: 1,
      softBouncedEvents: 1,
      hardBouncedRecipients: 2,
    },
    {
      ...QUEUE,
      host: 'c',
      activeRecipients: 2,
      connectionsOut: 1,
      deliveredRecipients: 3,
      softBouncedEvents: 2,
      hardBouncedRecipients: 3,
    },
  ];
  const ORDERS: Readonly<Record<TopHostsColumn, string>> = {
    active: 'acb',
    connections: 'bac',
    delivered: 'cba',
    soft: 'bca',
    hard: 'cab',
    host: 'abc',
  };
  for (const [column, order] of Object.entries(ORDERS)) {
    it(`is sorted by ${column}`, () => {
      assert.equal(
        sortTopHosts(ROWS, column as TopHostsColumn)
          .map(({ host }) => host)
          .join(''),
        order,
      );
    });
  }

  it('keeps the order of rows that are equal, and the rows it was given', () => {
    const rows = ['x', 'y', 'x'].map((host, index) => ({ ...QUEUE, host, intake: String(index) }));
    const orderBy = (column: TopHostsColumn) => sortTopHosts(rows, column).map(({ intake }) => intake);
    assert.deepEqual(orderBy('active'), ['0', '1', '2']);
    assert.deepEqual(orderBy('host'), ['0', '2', '1']);
    assert.deepEqual(
      rows.map(({ intake }) => intake),
      ['0', '1', '2'],
    );
  });

  it('writes thousands with commas', () => {
    assert.deepEqual([0, 999, 1000, 1_234_567].map(withThousands), ['0', '999', '1,000', '1,234,567']);
  });
});
