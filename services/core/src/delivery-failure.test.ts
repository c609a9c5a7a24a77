import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type DeliveryFailure,
  type DnsFailureCode,
  describeFailure,
  HARD_BOUNCE_REASONS,
  type HardBounceReason,
  hardBounceReason,
} from './delivery-failure.ts';
import type { SmtpStage } from './smtp-reply.ts';

const CASES: readonly (readonly [
  failure: DeliveryFailure,
  reason: HardBounceReason,
  temporary: string,
  final: string,
])[] = [
  [
    { kind: 'smtp-reply', stage: 'mail', reply: { code: 550, enhanced: '5.7.1', text: 'no' } },
    '5xx',
    '5.7.1',
    '5.7.1',
  ],
  [{ kind: 'smtp-reply', stage: 'data', reply: { code: 451, text: 'later' } }, '4xx', '4.0.0', '4.0.0'],
  [{ kind: 'dns', domain: 'x', record: 'MX', code: 'NullMX' }, 'dns', '5.1.2', '5.1.2'],
  [{ kind: 'dns', domain: 'x', record: 'A', code: 'Timeout' }, 'dns', '4.4.3', '5.4.3'],
  [{ kind: 'tls', reason: 'certificate', detail: 'expired' }, 'tls', '5.7.5', '5.7.5'],
  [{ kind: 'network', reason: 'refused', detail: 'connection refused' }, 'network', '4.4.1', '5.4.1'],
  [{ kind: 'network', reason: 'timeout', detail: 'timed out' }, 'network', '4.4.1', '5.4.1'],
  [{ kind: 'network', reason: 'unreachable', detail: 'no route' }, 'network', '4.4.1', '5.4.1'],
  [{ kind: 'network', reason: 'reset', detail: 'reset' }, 'network', '4.4.2', '5.4.2'],
  [{ kind: 'network', reason: 'closed', detail: 'closed' }, 'network', '4.4.2', '5.4.2'],
  [{ kind: 'uncertain', detail: 'closed' }, 'uncertain', '4.4.2', '5.4.2'],
  [{ kind: 'unconveyable', reason: 'eight-bit', detail: 'no 8BITMIME' }, 'unconveyable', '5.6.3', '5.6.3'],
  [{ kind: 'spool', reason: 'mismatch' }, 'spool', '5.3.0', '5.3.0'],
];

describe('a failure', () => {
  for (const [failure, reason, temporary, final] of CASES) {
    const name =
      failure.kind === 'smtp-reply'
        ? `${failure.kind} ${failure.reply.code}`
        : `${failure.kind} ${'code' in failure ? failure.code : ''}`;
    it(`${name} has its reason and its status`, () => {
      assert.equal(hardBounceReason(failure), reason);
      assert.equal(describeFailure(failure, false).status, temporary);
      assert.equal(describeFailure(failure, true).status, final);
    });
  }

  it('of a server names its code, of anything else 000', () => {
    assert.deepEqual(
      CASES.map(([failure]) => describeFailure(failure, true).code),
      ['550', '451', ...Array.from({ length: 11 }, () => '000')],
    );
    const junk: DeliveryFailure = {
      kind: 'smtp-reply',
      stage: 'banner',
      reply: { code: 0, text: 'HTTP/1.1' },
    };
    assert.equal(describeFailure(junk, true).code, '000');
  });

  it('each has its reason, and expired is the only one without a failure', () => {
    const reached = new Set(CASES.map(([failure]) => hardBounceReason(failure)));
    assert.deepEqual(
      HARD_BOUNCE_REASONS.filter((reason) => !reached.has(reason)),
      ['expired'],
    );
  });
});

describe('the words for a failure', () => {
  const dns = (record: 'MX' | 'A', code: DnsFailureCode): DeliveryFailure => ({
    kind: 'dns',
    domain: 'esa.example.com',
    record,
    code,
  });
  const refused = (stage: SmtpStage): DeliveryFailure => ({
    kind: 'smtp-reply',
    stage,
    reply: { code: 554, text: 'no' },
  });
  const WORDS: readonly (readonly [failure: DeliveryFailure, text: string, reply: string])[] = [
    [
      dns('MX', 'NXDomain'),
      'Bad destination host',
      'DNS Hard Error looking up esa.example.com (MX) : NXDomain',
    ],
    [
      dns('A', 'NoAddress'),
      'Bad destination host',
      'DNS Hard Error looking up esa.example.com (A) : NoAddress',
    ],
    [
      dns('MX', 'Refused'),
      'Directory server failure',
      'DNS Soft Error looking up esa.example.com (MX) : Refused',
    ],
    [refused('banner'), 'Connection refused by destination server', 'no'],
    [refused('ehlo'), 'Greeting refused by destination server', 'no'],
    [refused('mail'), 'Sender refused by destination server', 'no'],
    [refused('rcpt'), 'Recipient refused by destination server', 'no'],
    [refused('data'), 'Message refused by destination server', 'no'],
    [refused('final-dot'), 'Message refused by destination server', 'no'],
    [{ kind: 'tls', reason: 'protocol', detail: 'no common version' }, 'TLS Error', 'no common version'],
    [{ kind: 'network', reason: 'refused', detail: 'why' }, 'No answer from host', 'why'],
    [{ kind: 'network', reason: 'reset', detail: 'why' }, 'Bad connection', 'why'],
    [{ kind: 'uncertain', detail: 'why' }, 'Answer to the message lost', 'why'],
    [
      { kind: 'unconveyable', reason: 'smtputf8', detail: 'no SMTPUTF8' },
      'Conversion required but not supported',
      'no SMTPUTF8',
    ],
    [{ kind: 'spool', reason: 'missing' }, 'Message no longer in the spool', 'missing'],
  ];
  for (const [failure, text, reply] of WORDS) {
    it(`${text}: ${reply}`, () => {
      const description = describeFailure(failure, true);
      assert.deepEqual([description.text, description.reply], [text, reply]);
    });
  }
});
