import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseAddress } from './address.ts';
import {
  formatUserPattern,
  type MailPolicy,
  type MatchContext,
  mailPolicyMatcher,
  matchesUser,
  matchMailPolicy,
  type RecipientPart,
  type SenderPart,
  type SenderSource,
  type UserPattern,
  type UserRow,
} from './mail-policy.ts';
import { parseUser } from './policy-document/users.ts';

function user(text: string): UserPattern {
  const pattern = parseUser(text);
  assert.ok(pattern, text);
  return pattern;
}
const users = (...texts: readonly string[]): readonly UserPattern[] => texts.map(user);

const ANY = { kind: 'any' } as const;
const from = (...texts: readonly string[]): SenderPart => ({ kind: 'one-of', users: users(...texts) });
const notFrom = (...texts: readonly string[]): SenderPart => ({ kind: 'none-of', users: users(...texts) });
const to = (join: 'any' | 'all', ...texts: readonly string[]): RecipientPart => ({
  kind: 'listed',
  join,
  users: users(...texts),
});
const notTo = (join: 'any' | 'all', ...texts: readonly string[]): RecipientPart => ({
  kind: 'not-listed',
  join,
  users: users(...texts),
});
const policy = (name: string, ...rows: readonly UserRow[]): MailPolicy => ({
  name,
  users: rows,
  connector: { kind: 'inherit' },
});

type Senders = readonly (readonly [source: SenderSource, address: string])[];
const mail = (senders: Senders, recipients: readonly string[]): MatchContext => ({
  senders: senders.map(([source, text]) => ({ source, address: parseAddress(text) })),
  recipients: recipients.map(parseAddress),
});
const fromJoe = (...recipients: readonly string[]) => mail([['envelope', 'joe@x.example']], recipients);

/** Which of the message's recipients a policy of this one row takes. */
function taken(row: UserRow, context: MatchContext): readonly string[] {
  const match = mailPolicyMatcher([policy('p', row)], context);
  return context.recipients
    .filter((recipient) => match(recipient).policy !== undefined)
    .map(({ local, domain }) => `${local}@${domain}`);
}

describe('user forms', () => {
  const cases: readonly [pattern: string, address: string, matches: boolean][] = [
    ['joe@example.com', 'joe@example.com', true],
    ['joe@example.com', 'JOE@Example.COM', true],
    ['Joe@Example.Com', 'joe@example.com', true],
    ['joe@example.com', 'ann@example.com', false],
    ['joe@example.com', 'joe@mail.example.com', false],
    ['"joe"@example.com', 'joe@example.com', true],
    ['"joe doe"@example.com', '"Joe Doe"@example.com', true],
    ['joe@', 'joe@example.com', true],
    ['joe@', 'Joe@elsewhere.example', true],
    ['joe@', 'joe', true],
    ['joe@', 'joey@example.com', false],
    ['@example.com', 'ann@example.com', true],
    ['@example.com', 'ann@mail.example.com', false],
    ['@example.com', 'ann@badexample.com', false],
    ['@.example.com', 'ann@mail.example.com', true],
    ['@.example.com', 'ann@a.b.example.com', true],
    ['@.example.com', 'ann@example.com', false],
    ['@.example.com', 'ann@bad-example.com', false],
    ['@bücher.example', 'ann@xn--bcher-kva.example', true],
    ['@xn--bcher-kva.example', 'ann@BÜCHER.example', true],
    ['@.bücher.example', 'ann@mail.bücher.example', true],
  ];
  for (const [pattern, address, matches] of cases) {
    it(`${pattern} ${matches ? 'is' : 'is not'} ${address}`, () => {
      assert.equal(matchesUser(user(pattern), parseAddress(address)), matches);
    });
  }

  it('a group is any of its members', () => {
    const group: UserPattern = {
      kind: 'group',
      name: 'g',
      members: users('bob@example.com', '@eng.example'),
    };
    assert.equal(matchesUser(group, parseAddress('bob@example.com')), true);
    assert.equal(matchesUser(group, parseAddress('ann@eng.example')), true);
    assert.equal(matchesUser(group, parseAddress('ann@example.com')), false);
    assert.equal(formatUserPattern(group), 'group:g');
  });

  it('are written as they are read', () => {
    for (const text of ['joe@example.com', 'joe@', '@example.com', '@.example.com']) {
      assert.equal(formatUserPattern(user(text)), text);
    }
  });
});

describe('the sender part', () => {
  const both: Senders = [
    ['envelope', 'bounce@list.example'],
    ['from', 'bill@lawfirm.com'],
    ['reply-to', 'office@reply.example'],
  ];
  const cases: readonly [name: string, sender: SenderPart, senders: Senders, holds: boolean][] = [
    ['any sender', ANY, both, true],
    ['any sender is also the null sender', ANY, [], true],
    ['found in the envelope', from('@list.example'), both, true],
    ['found in From', from('@lawfirm.com'), both, true],
    ['found in Reply-To', from('@reply.example'), both, true],
    ['one of several users', from('@a.example', 'bill@'), both, true],
    ['found in none', from('@a.example'), both, false],
    ['the null sender is nobody', from('@a.example'), [], false],
    ['none of: found in none', notFrom('@a.example'), both, true],
    ['none of: found in the envelope', notFrom('@list.example'), both, false],
    ['none of: found in a later source', notFrom('@reply.example'), both, false],
    ['none of: the null sender is nobody', notFrom('@a.example'), [], true],
  ];
  for (const [name, sender, senders, holds] of cases) {
    it(name, () => {
      assert.deepEqual(
        taken({ sender, recipient: ANY }, mail(senders, ['a@b.example'])),
        holds ? ['a@b.example'] : [],
      );
    });
  }

  it('a match on the sender alone takes all recipients', () => {
    const row = { sender: from('joe@'), recipient: ANY };
    assert.deepEqual(taken(row, fromJoe('a@b.example', 'c@d.example')), ['a@b.example', 'c@d.example']);
  });
});

describe('the recipient part', () => {
  const [a, b, c] = ['a@x.example', 'b@x.example', 'c@y.example'];
  const cases: readonly [name: string, part: RecipientPart, recipients: string[], taken: string[]][] = [
    ['any recipient', ANY, [a, b], [a, b]],
    ['listed, any: those in the list', to('any', a, '@y.example'), [a, b, c], [a, c]],
    ['listed, any: none in the list', to('any', 'z@'), [a, b], []],
    ['listed, all: every user is on the message', to('all', a, '@y.example'), [a, b, c], [a, c]],
    ['listed, all: a user is not on the message', to('all', a, '@z.example'), [a, b, c], []],
    ['listed, all: one recipient may be several users', to('all', a, '@x.example'), [a], [a]],
    ['not listed, any: those in no entry', notTo('any', a, '@y.example'), [a, b, c], [b]],
    ['not listed, any: all are in the list', notTo('any', '@x.example', c), [a, b, c], []],
    ['not listed, all: a user is not on the message', notTo('all', a, '@z.example'), [a, b], [a, b]],
    ['not listed, all: every user is on the message', notTo('all', a, b), [a, b, c], []],
  ];
  for (const [name, recipient, recipients, expected] of cases) {
    it(name, () => assert.deepEqual(taken({ sender: ANY, recipient }, fromJoe(...recipients)), expected));
  }

  it('both parts must hold', () => {
    const row = { sender: from('joe@'), recipient: to('any', a) };
    assert.deepEqual(taken(row, fromJoe(a, b)), [a]);
    assert.deepEqual(taken({ ...row, sender: from('ann@') }, fromJoe(a, b)), []);
    assert.deepEqual(taken({ ...row, sender: notFrom('joe@') }, fromJoe(a, b)), []);
  });
});

describe('the table', () => {
  const table = [
    policy('first', { sender: ANY, recipient: to('any', 'a@') }),
    policy(
      'second',
      { sender: from('ann@'), recipient: ANY },
      { sender: ANY, recipient: to('any', 'a@', 'b@') },
    ),
    policy('empty'),
  ];
  const context = fromJoe('a@x.example', 'b@x.example', 'c@x.example');
  const match = (recipient: string) => matchMailPolicy(table, context, parseAddress(recipient));

  it('the first match wins', () => assert.equal(match('a@x.example').policy?.name, 'first'));
  it('any row of a policy is a match', () => assert.equal(match('b@x.example').policy?.name, 'second'));
  it('the default policy takes the rest', () => assert.equal(match('c@x.example').policy, undefined));

  it('is explained in words', () => {
    const context2 = mail(
      [
        ['envelope', 'bounce@list.example'],
        ['from', 'bill@lawfirm.com'],
      ],
      ['a@x.example', 'b@x.example'],
    );
    const reason = (sender: SenderPart, recipient: RecipientPart) =>
      matchMailPolicy([policy('p', { sender, recipient })], context2, parseAddress('a@x.example')).reason;
    assert.equal(reason(ANY, ANY), 'user row 1: any sender, any recipient');
    assert.equal(
      reason(from('@lawfirm.com'), to('any', 'a@')),
      'user row 1: from sender is @lawfirm.com, recipient is a@',
    );
    assert.equal(
      reason(notFrom('@z.example'), to('all', '@x.example', 'b@')),
      'user row 1: sender is none of the listed, recipient is @x.example, all listed recipients being on the message',
    );
    assert.equal(reason(ANY, notTo('any', 'z@')), 'user row 1: any sender, recipient is none of the listed');
    assert.equal(
      reason(ANY, notTo('all', 'z@')),
      'user row 1: any sender, not all listed recipients are on the message',
    );
    assert.equal(reason(ANY, to('any', 'z@')), 'no other policy matches');
    assert.equal(match('b@x.example').reason, 'user row 2: any sender, recipient is b@');
  });
});

describe('any table and any message', () => {
  const address = fc.constantFrom(
    'a@x.example',
    'b@x.example',
    'a@y.example',
    'b@z.x.example',
    'c@w.example',
  );
  const pattern = fc
    .constantFrom('a@x.example', 'b@', '@x.example', '@.x.example', 'a@', '@w.example')
    .map(user);
  const list = fc.array(pattern, { minLength: 1, maxLength: 4 });
  const join = fc.constantFrom<'any' | 'all'>('any', 'all');
  const senderPart: fc.Arbitrary<SenderPart> = fc.oneof(
    fc.constant<SenderPart>(ANY),
    fc.record({ kind: fc.constantFrom<'one-of' | 'none-of'>('one-of', 'none-of'), users: list }),
  );
  const recipientPart: fc.Arbitrary<RecipientPart> = fc.oneof(
    fc.constant<RecipientPart>(ANY),
    fc.record({ kind: fc.constantFrom<'listed' | 'not-listed'>('listed', 'not-listed'), join, users: list }),
  );
  const row = fc.record({ sender: senderPart, recipient: recipientPart });
  const tables = fc
    .array(fc.array(row, { maxLength: 3 }), { maxLength: 5 })
    .map((policies) => policies.map((rows, index) => policy(`p${index}`, ...rows)));
  const source = fc.constantFrom<SenderSource>('envelope', 'from', 'reply-to');
  const mails = fc
    .tuple(
      fc.array(fc.tuple(source, address), { maxLength: 3 }),
      fc.array(address, { minLength: 1, maxLength: 5 }),
    )
    .map(([senders, recipients]) => mail(senders, recipients));

  /** Spec §3 word for word, as slowly as it may be. */
  function reference(
    table: readonly MailPolicy[],
    context: MatchContext,
    index: number,
  ): MailPolicy | undefined {
    const onMessage = (one: UserPattern) =>
      context.recipients.some((recipient) => matchesUser(one, recipient));
    for (const candidate of table) {
      for (const { sender, recipient } of candidate.users) {
        const known =
          sender.kind !== 'any' &&
          context.senders.some((found) => sender.users.some((one) => matchesUser(one, found.address)));
        if (sender.kind === 'one-of' && !known) continue;
        if (sender.kind === 'none-of' && known) continue;
        if (recipient.kind === 'any') return candidate;
        const asked = context.recipients[index] ?? parseAddress('');
        const isIn = recipient.users.some((one) => matchesUser(one, asked));
        const all = recipient.users.every(onMessage);
        if (recipient.kind === 'listed' && isIn && (recipient.join === 'any' || all)) return candidate;
        if (recipient.kind === 'not-listed' && (recipient.join === 'any' ? !isIn : !all)) return candidate;
      }
    }
    return undefined;
  }

  it('first match wins, as the spec has it', () => {
    fc.assert(
      fc.property(tables, mails, (table, context) => {
        for (const [index, recipient] of context.recipients.entries()) {
          assert.equal(
            matchMailPolicy(table, context, recipient).policy?.name,
            reference(table, context, index)?.name,
          );
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('a negated sender part takes exactly the messages that the plain one leaves', () => {
    fc.assert(
      fc.property(list, mails, (listed, context) => {
        const plain = taken({ sender: { kind: 'one-of', users: listed }, recipient: ANY }, context);
        const negated = taken({ sender: { kind: 'none-of', users: listed }, recipient: ANY }, context);
        assert.equal(plain.length + negated.length, context.recipients.length);
        assert.ok(plain.length === 0 || negated.length === 0);
      }),
    );
  });

  it('a negated recipient list takes exactly the recipients that the plain one leaves', () => {
    fc.assert(
      fc.property(list, mails, (listed, context) => {
        const part = { join: 'any', users: listed } as const;
        const plain = taken({ sender: ANY, recipient: { kind: 'listed', ...part } }, context);
        const negated = taken({ sender: ANY, recipient: { kind: 'not-listed', ...part } }, context);
        assert.equal(plain.length + negated.length, context.recipients.length);
        assert.ok(plain.every((recipient) => !negated.includes(recipient)));
      }),
    );
  });

  it('NOT (all of them) takes everyone exactly when the plain list takes no one', () => {
    fc.assert(
      fc.property(list, mails, (listed, context) => {
        const part = { join: 'all', users: listed } as const;
        const plain = taken({ sender: ANY, recipient: { kind: 'listed', ...part } }, context);
        const negated = taken({ sender: ANY, recipient: { kind: 'not-listed', ...part } }, context);
        assert.equal(negated.length, plain.length === 0 ? context.recipients.length : 0);
      }),
    );
  });
});
