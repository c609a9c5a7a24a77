import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SKIP_REASONS, type SkipReason } from './counters.ts';
import type { HeaderField } from './header-fields.ts';
import { type CopyAction, decide, type PolicyDecision, type ReceivedMail } from './policy-decision.ts';
import { parsePolicyDocument } from './policy-document/parse.ts';
import type { PolicyDocument } from './policy-document/types.ts';
import { distinctRecipients } from './splinter.ts';

function documentWith(change: Readonly<Record<string, unknown>> = {}): PolicyDocument {
  const parsed = parsePolicyDocument({
    version: 1,
    intakes: { primary: { address: 'p@scan.example' }, lab: { address: 'l@scan.example', format: 'bcc' } },
    defaultIntake: 'primary',
    direction: { localDomains: ['example.com'], relayNetworks: ['10.0.0.0/8'] },
    policies: [
      { name: 'vip', users: [{ recipient: { listed: ['ann@'] } }], connector: { custom: 'lab' } },
      { name: 'quiet', users: [{ recipient: { listed: ['bob@'] } }], connector: 'no-scan' },
      { name: 'lawyers', users: [{ sender: { oneOf: ['@lawfirm.com'] } }], connector: 'default' },
      { name: 'plain', users: [{ recipient: { listed: ['joe@'] } }] },
    ],
    ...change,
  });
  assert.deepEqual(parsed.kind === 'invalid' ? parsed.problems : [], []);
  assert.equal(parsed.kind, 'valid');
  return parsed.document;
}

const standard = documentWith();
const SPAM: HeaderField = { name: 'X-Spam-Flag', value: 'YES' };
const BULK: HeaderField = { name: 'X-Forefront-Antispam-Report', value: 'CAT:BULK;' };

const mail = (change: Partial<ReceivedMail> = {}): ReceivedMail => ({
  sender: 'carl@elsewhere.example',
  recipients: ['joe@example.com'],
  clientAddress: '192.0.2.1',
  authenticated: false,
  fields: [],
  trusted: true,
  loop: false,
  bounceOfCopy: false,
  ...change,
});

const shown = (action: CopyAction): string =>
  action.kind === 'enqueue' ? action.intake.alias : action.reason;
const outcomes = (decision: PolicyDecision) =>
  decision.splinters.map(({ policy, recipients, action }) => [policy, recipients.join(' '), shown(action)]);

describe('messages that are not copied as a whole', () => {
  const cases: readonly [name: string, change: Partial<ReceivedMail>, reason: SkipReason][] = [
    ['authenticated mail', { authenticated: true }, 'outgoing'],
    ['mail from a relay network', { clientAddress: '10.1.1.1' }, 'outgoing'],
    ['mail without a local recipient', { recipients: ['a@b.example', 'c@d.example'] }, 'relayed'],
    ['our own copy coming back', { loop: true }, 'loop'],
    ['a bounce of a copy', { bounceOfCopy: true }, 'bounce-of-copy'],
    ['a loop by way of an authenticated client', { loop: true, authenticated: true }, 'loop'],
    ['a loop that is spam', { loop: true, fields: [SPAM] }, 'loop'],
    ['outgoing spam', { authenticated: true, fields: [SPAM] }, 'outgoing'],
  ];
  for (const [name, change, reason] of cases) {
    it(`${name}: ${reason}, one message seen, no policy asked`, () => {
      const input = mail(change);
      const { splinters } = decide(standard, input);
      assert.deepEqual(splinters, [
        {
          policy: '',
          recipients: input.recipients,
          matchReason: `not asked: ${reason}`,
          action: { kind: 'skip', reason },
        },
      ]);
    });
  }

  it('a message without recipients is one message seen too', () => {
    assert.deepEqual(outcomes(decide(standard, mail({ recipients: [] }))), [['', '', 'relayed']]);
  });
});

describe('incoming mail', () => {
  const cases: readonly [
    name: string,
    document: PolicyDocument,
    change: Partial<ReceivedMail>,
    result: string[][],
  ][] = [
    ['an inherited default', standard, {}, [['plain', 'joe@example.com', 'primary']]],
    [
      'the default policy',
      standard,
      { recipients: ['x@example.com'] },
      [['DEFAULT', 'x@example.com', 'primary']],
    ],
    ['a custom intake', standard, { recipients: ['ann@example.com'] }, [['vip', 'ann@example.com', 'lab']]],
    ['No Scan', standard, { recipients: ['bob@example.com'] }, [['quiet', 'bob@example.com', 'no-scan']]],
    [
      'each splinter has its own decision',
      standard,
      { recipients: ['joe@example.com', 'bob@example.com', 'ann@example.com', 'x@example.com'] },
      [
        ['vip', 'ann@example.com', 'lab'],
        ['quiet', 'bob@example.com', 'no-scan'],
        ['plain', 'joe@example.com', 'primary'],
        ['DEFAULT', 'x@example.com', 'primary'],
      ],
    ],
    ['spam', standard, { fields: [SPAM] }, [['plain', 'joe@example.com', 'spam']]],
    ['graymail is copied', standard, { fields: [BULK] }, [['plain', 'joe@example.com', 'primary']]],
    [
      'the list of journaled verdicts is configuration',
      documentWith({ verdicts: { journaled: ['spam'] } }),
      { fields: [SPAM] },
      [['plain', 'joe@example.com', 'primary']],
    ],
    [
      'a clean message where clean is not journaled',
      documentWith({ verdicts: { journaled: [] } }),
      {},
      [['plain', 'joe@example.com', 'clean']],
    ],
    [
      'headers of an untrusted peer',
      standard,
      { fields: [SPAM], trusted: false },
      [['plain', 'joe@example.com', 'primary']],
    ],
    [
      'the connector is off',
      documentWith({ connector: 'disabled' }),
      {},
      [['plain', 'joe@example.com', 'disabled']],
    ],
    [
      'the connector is off, for every splinter',
      documentWith({ connector: 'disabled' }),
      { recipients: ['bob@example.com', 'joe@example.com'], fields: [SPAM] },
      [
        ['quiet', 'bob@example.com', 'disabled'],
        ['plain', 'joe@example.com', 'disabled'],
      ],
    ],
    [
      'no intake address',
      documentWith({ defaultIntake: undefined }),
      { recipients: ['joe@example.com', 'ann@example.com'] },
      [
        ['vip', 'ann@example.com', 'lab'],
        ['plain', 'joe@example.com', 'no-intake-address'],
      ],
    ],
    [
      'No Scan goes before the verdict',
      standard,
      { recipients: ['bob@example.com'], fields: [SPAM] },
      [['quiet', 'bob@example.com', 'no-scan']],
    ],
    [
      'recipients outside the local domains are relayed mail',
      standard,
      { recipients: ['a@b.example', 'joe@example.com', 'c@d.example'] },
      [
        ['plain', 'joe@example.com', 'primary'],
        ['', 'a@b.example c@d.example', 'relayed'],
      ],
    ],
    [
      'the same recipient twice',
      standard,
      { recipients: ['joe@example.com', 'JOE@example.com'] },
      [['plain', 'joe@example.com', 'primary']],
    ],
    [
      'the sender in From',
      standard,
      { fields: [{ name: 'from', value: '"Bill, Esq." <Bill@LawFirm.com>' }] },
      [['lawyers', 'joe@example.com', 'primary']],
    ],
    [
      'the sender in Reply-To',
      standard,
      { sender: '', fields: [{ name: 'REPLY-TO', value: 'a@b.example, bill@lawfirm.com' }] },
      [['lawyers', 'joe@example.com', 'primary']],
    ],
    [
      'the sender in a second From',
      standard,
      { fields: ['a@b.example', 'bill@lawfirm.com'].map((value) => ({ name: 'From', value })) },
      [['lawyers', 'joe@example.com', 'primary']],
    ],
  ];
  for (const [name, document, change, result] of cases) {
    it(name, () => assert.deepEqual(outcomes(decide(document, mail(change))), result));
  }

  it('a header of a hundred thousand senders is no reason to stall', () => {
    const fields = [{ name: 'From', value: 'a@b.example,'.repeat(100_000) }];
    assert.deepEqual(outcomes(decide(standard, mail({ fields }))), [['plain', 'joe@example.com', 'primary']]);
  });
});

describe('a decision says why', () => {
  it('direction, verdict and match', () => {
    const decision = decide(standard, mail({ fields: [SPAM] }));
    assert.deepEqual(
      { ...decision, splinters: decision.splinters.map(({ matchReason }) => matchReason) },
      {
        direction: 'incoming',
        directionReason: 'a recipient is in a local domain',
        verdict: 'spam',
        verdictReason: 'header X-Spam-Flag',
        ignoredHeaders: 0,
        splinters: ['user row 1: any sender, recipient is joe@'],
      },
    );
  });

  it('which headers were not believed', () => {
    const { verdict, verdictReason, ignoredHeaders } = decide(
      standard,
      mail({ fields: [SPAM], trusted: false }),
    );
    assert.deepEqual([verdict, ignoredHeaders], ['clean', 1]);
    assert.match(verdictReason, /untrusted/);
  });

  it('which recipients no policy was asked about', () => {
    const { splinters } = decide(standard, mail({ recipients: ['joe@example.com', 'a@b.example'] }));
    assert.equal(splinters[1]?.matchReason, 'not asked: recipients outside the local domains');
  });
});

describe('any message', () => {
  const recipient = fc.constantFrom(
    'joe@example.com',
    'JOE@example.com',
    'ann@example.com',
    'bob@example.com',
    'x@example.com',
    'a@b.example',
  );
  const field = fc.constantFrom(SPAM, BULK, { name: 'From', value: 'bill@lawfirm.com' });
  const mails = fc
    .record({
      recipients: fc.array(recipient),
      authenticated: fc.boolean(),
      trusted: fc.boolean(),
      loop: fc.boolean(),
      bounceOfCopy: fc.boolean(),
      clientAddress: fc.constantFrom('192.0.2.1', '10.0.0.1', 'unknown'),
      fields: fc.array(field, { maxLength: 3 }),
    })
    .map(mail);

  it('every distinct recipient is in exactly one splinter, and there is at least one', () => {
    fc.assert(
      fc.property(mails, (input) => {
        const { splinters } = decide(standard, input);
        const all = splinters.flatMap(({ recipients }) => recipients);
        assert.deepEqual(all.toSorted(), distinctRecipients(input.recipients).toSorted());
        assert.ok(splinters.length >= 1);
      }),
    );
  });

  it('only clean incoming mail is copied, and every skip has a reason of the closed list', () => {
    fc.assert(
      fc.property(mails, (input) => {
        const { direction, verdict, splinters } = decide(standard, input);
        for (const { action } of splinters) {
          if (action.kind === 'skip') assert.ok(SKIP_REASONS.includes(action.reason));
          else {
            assert.equal(direction, 'incoming');
            assert.ok(standard.verdicts.journaled.includes(verdict));
            assert.ok(!input.loop && !input.bounceOfCopy);
          }
        }
      }),
    );
  });
});
