import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PolicyDocument, parsePolicyDocument } from '@tdc/core';
import type { monitorV1 } from '@tdc/proto';
import { describeRow } from './describe-row.ts';
import { queuedMids } from './follow-copies.ts';
import { renderTable } from './render-table.ts';
import { isFinished, trackingDetails, trackingLine } from './tracked-copy.ts';

describe('a table', () => {
  it('is as wide as its widest cells, without blanks at the ends of lines', () => {
    assert.equal(
      renderTable(
        ['#', 'Name'],
        [
          ['1', 'a long name'],
          ['10', ''],
        ],
      ),
      ['#   Name', '--  -----------', '1   a long name', '10', ''].join('\n'),
    );
  });

  it('without rows is its head', () => {
    assert.equal(renderTable(['A', 'B'], []), 'A  B\n-  -\n');
  });
});

describe('a user row in words', () => {
  const rows: readonly [string, object][] = [
    ['anyone', { sender: 'any', recipient: 'any' }],
    ['from @lawfirm.com or bill@', { sender: { oneOf: ['@lawfirm.com', 'bill@'] } }],
    ['not from @.lawfirm.com', { sender: { noneOf: ['@.lawfirm.com'] } }],
    [
      'to joe@example.com or ann@example.com',
      { recipient: { listed: ['joe@example.com', 'ann@example.com'] } },
    ],
    [
      'to joe@example.com and ann@example.com',
      { recipient: { listed: ['joe@example.com', 'ann@example.com'], join: 'all' } },
    ],
    [
      'from group:staff, not to joe@example.com and ann@example.com',
      {
        sender: { oneOf: ['group:staff'] },
        recipient: { notListed: ['joe@example.com', 'ann@example.com'], join: 'all' },
      },
    ],
  ];
  for (const [expected, user] of rows) {
    it(expected, () => {
      const parsed = parsePolicyDocument({
        version: 1,
        groups: { staff: ['@staff.example'] },
        policies: [{ name: 'p', users: [user] }],
        default: { connector: 'no-scan' },
      });
      assert.equal(parsed.kind, 'valid', JSON.stringify(parsed));
      const { policies } = (parsed as { document: PolicyDocument }).document;
      const [row] = policies[0]?.users ?? [];
      assert.ok(row !== undefined);
      assert.equal(describeRow(row), expected);
    });
  }
});

const COPY: monitorV1.TrackedCopy = {
  mid: 14_501_404,
  state: 'delivered',
  messageId: '<1@lawfirm.example>',
  sender: '',
  recipients: ['joe@example.com', 'ann@example.com'],
  policy: 'default',
  policyRevision: 3,
  intake: 'primary',
  intakeAddress: 'a@setd.example',
  journalId: 'id',
  sizeBytes: 10,
  enqueuedAtMs: Date.UTC(2024, 1, 17, 3, 19, 22),
  expiresAtMs: Date.UTC(2024, 1, 17, 3, 21, 22),
  finishedAttempts: 1,
  lastDcid: 5,
  lastReason: '',
  lastResponse: '250 2.0.0 Ok',
  finishedAtMs: Date.UTC(2024, 1, 17, 3, 19, 24),
};

describe('the tracking line', () => {
  const enqueued = { finishedAtMs: 0, state: 'unattempted', finishedAttempts: 0 };
  const lines: readonly [string, Partial<monitorV1.TrackedCopy>, RegExp][] = [
    [
      'of success is the one of the spec',
      {},
      /^\d\d Feb 2024 \d\d:\d\d:24 \(GMT [+-]\d\d:\d\d\) \| TDC: Message 14501404 was successfully delivered for scanning with Cisco Secure Email Threat Defense\.$/,
    ],
    [
      'of failure names the reason',
      { state: 'hard-bounced', lastReason: 'tls' },
      / \| TDC: Message 14501404 delivery failed to Cisco Secure Email Threat Defense:TLS Error\.$/,
    ],
    [
      'of expiry names the age',
      { state: 'hard-bounced', lastReason: 'expired' },
      /: Delivery expired \(message too old\)\.$/,
    ],
    [
      'of an active copy says that it is enqueued, under the time of that',
      enqueued,
      /:22 .+ \| TDC: Message 14501404 is enqueued/,
    ],
    [
      'of a copy to be retried says so',
      { ...enqueued, state: 'attempted', finishedAttempts: 1 },
      /for another attempt/,
    ],
    ['of a deleted copy says so', { state: 'deleted' }, /was deleted/],
  ];
  for (const [name, changes, expected] of lines) {
    it(name, () => assert.match(trackingLine({ ...COPY, ...changes }), expected));
  }

  it('has details that name everything else', () => {
    const details = trackingDetails(COPY).join('\n');
    for (const text of [
      '<1@lawfirm.example>',
      '<joe@example.com> <ann@example.com>',
      '250 2.0.0 Ok',
      'revision 3',
    ])
      assert.ok(details.includes(text), text);
    assert.match(details, /finished +2024-02-17T03:19:24\.000Z/);
    assert.match(trackingDetails({ ...COPY, finishedAtMs: 0 }).join('\n'), /finished +-/);
  });

  it('has details that cannot write to the terminal', () => {
    const details = trackingDetails({ ...COPY, lastResponse: '550 \u001b[2J', messageId: '<a\nb>' });
    assert.match(details.join('\n'), /last answer +550 \\x1b\[2J$/);
    assert.equal(details.length, trackingDetails(COPY).length);
    assert.ok(details.every((line) => !line.includes('\n')));
  });

  it('is of a copy that has an outcome or not', () => {
    assert.deepEqual([isFinished(COPY), isFinished({ ...COPY, finishedAtMs: 0 })], [true, false]);
  });
});

describe("the MIDs in intake's reply", () => {
  const replies: readonly [string, readonly number[]][] = [
    ['250 2.0.0 Ok: queued as MID 17', [17]],
    ['250 2.0.0 Ok: queued as MID 17, 18, 19', [17, 18, 19]],
    ['250 2.0.0 Ok: MID 17 accepted, no copy due', []],
    ['250 Ok', []],
  ];
  for (const [reply, expected] of replies) {
    it(`of '${reply}' are ${expected.length}`, () => assert.deepEqual(queuedMids(reply), expected));
  }
});
