import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mailboxesOf } from './mailbox-list.ts';

describe('the senders that a From or Reply-To header names', () => {
  const cases: readonly [name: string, value: string, mailboxes: readonly string[]][] = [
    ['a bare address', 'joe@example.com', ['joe@example.com']],
    ['blanks around it', '  joe@example.com\t', ['joe@example.com']],
    ['a display name', 'Joe Doe <joe@example.com>', ['joe@example.com']],
    ['a quoted display name', '"Doe, Joe" <joe@example.com>', ['joe@example.com']],
    ['a display name that looks like an address', '"ann@example.com" <joe@example.com>', ['joe@example.com']],
    ['the same without quotes', 'ann@example.com <joe@example.com>', ['joe@example.com']],
    [
      'a quote inside a quoted display name',
      '"Joe \\"the <x@y>\\" Doe" <joe@example.com>',
      ['joe@example.com'],
    ],
    ['an encoded display name', '=?utf-8?Q?J=C3=B6rg?= <joerg@example.com>', ['joerg@example.com']],
    ['a comment behind', 'joe@example.com (Joe, the @ man)', ['joe@example.com']],
    ['a comment before', '(Joe) joe@example.com', ['joe@example.com']],
    ['comments inside comments', 'Joe (a (b \\) c) d) <joe@example.com>', ['joe@example.com']],
    [
      'several mailboxes',
      'a@x.example, B <b@y.example>,c@z.example',
      ['a@x.example', 'b@y.example', 'c@z.example'],
    ],
    ['empty places in a list', 'a@x.example,, ,b@y.example,', ['a@x.example', 'b@y.example']],
    ['a group', 'Friends: a@x.example, B <b@y.example>;', ['a@x.example', 'b@y.example']],
    ['a group without members', 'undisclosed-recipients:;', []],
    ['a mailbox behind a group', 'Nobody:; joe@example.com', ['joe@example.com']],
    ['a source route', '<@relay.example,@b.example:joe@example.com>', ['joe@example.com']],
    ['a quoted local part', '"joe doe"@example.com', ['"joe doe"@example.com']],
    ['a quoted local part in brackets', 'Joe <"a>b@c"@example.com>', ['"a>b@c"@example.com']],
    ['blanks around the @', 'joe @ example.com', ['joe@example.com']],
    ['blanks around the @ in brackets', '< joe@ example.com >', ['joe@example.com']],
    ['comments in brackets', 'Pete <pete(his account)@silly.example(his host)>', ['pete@silly.example']],
    ['comments and blanks in the domain', 'John <jdoe@machine(comment).  example>', ['jdoe@machine.example']],
    ['the null address', '<>', []],
    ['an empty header', '', []],
    ['words without an address', 'Joe Doe', []],
    ['a quoted name alone', '"joe@example.com"', []],
    ['nothing but an @', '@', []],
    ['no local part', '@example.com', []],
    ['no domain', 'joe@', []],
  ];
  for (const [name, value, mailboxes] of cases)
    it(name, () => assert.deepEqual(mailboxesOf(value), mailboxes));
});

describe('malformed lists still tell their senders', () => {
  const cases: readonly [name: string, value: string, mailboxes: readonly string[]][] = [
    ['forgotten brackets', 'Joe Doe joe@example.com', ['joe@example.com']],
    ['an unclosed bracket', 'Joe <joe@example.com', ['joe@example.com']],
    [
      'an unclosed bracket in a list',
      'Joe <joe@x.example, Ann <ann@y.example>',
      ['joe@x.example', 'ann@y.example'],
    ],
    ['doubled brackets', 'Joe <<joe@example.com>>', ['joe@example.com']],
    ['a forgotten comma', 'Joe <joe@x.example> Ann <ann@y.example>', ['joe@x.example', 'ann@y.example']],
    ['an unclosed quote', '"Joe <joe@example.com>', ['joe@example.com']],
    ['an unclosed quote in brackets', 'Joe <"joe@example.com>', ['"joe@example.com']],
    ['an unclosed comment', 'Joe (the man <joe@example.com>', ['joe@example.com']],
    ['an unclosed comment behind', 'joe@example.com (Joe', ['joe@example.com']],
    ['a closing parenthesis alone', 'Joe :-) <joe@example.com>', ['joe@example.com']],
    ['semicolons as commas', 'a@x.example; b@y.example', ['a@x.example', 'b@y.example']],
    ['a backslash at the end', '"Joe\\', []],
    ['empty brackets behind', 'joe@example.com <>', ['joe@example.com']],
  ];
  for (const [name, value, mailboxes] of cases)
    it(name, () => assert.deepEqual(mailboxesOf(value), mailboxes));

  it('any text is taken without throwing, and what is found holds an @', () => {
    const pieces = fc.constantFrom(
      '"',
      '(',
      ')',
      '<',
      '>',
      ',',
      ';',
      ':',
      '\\',
      '@',
      ' ',
      'joe',
      'x.example',
      'é',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        for (const mailbox of mailboxesOf(parts.join(''))) assert.match(mailbox, /@/);
      }),
      { numRuns: 2000 },
    );
  });

  it('one mailbox is the same with a comment behind it', () => {
    const name = fc.oneof(
      fc.stringMatching(/^[A-Za-z .'-]{0,12}$/),
      fc.string({ maxLength: 12 }).map((text) => `"${text.replace(/["\\]/g, '')}" `),
    );
    const address = fc.stringMatching(/^[a-z+.-]{1,8}@[a-z.-]{1,8}$/);
    fc.assert(
      fc.property(name, address, (display, only) => {
        for (const value of [only, `<${only}>`, `${display}<${only}>`]) {
          assert.deepEqual(mailboxesOf(value), [only]);
          assert.deepEqual(mailboxesOf(`${value} ()`), [only]);
        }
      }),
    );
  });

  it('a well-formed list gives every mailbox, whatever the display names', () => {
    const name = fc.string({ maxLength: 12 }).map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`);
    const mailbox = fc.tuple(name, fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z]{1,8}$/));
    fc.assert(
      fc.property(fc.array(mailbox), (list) => {
        const value = list.map(([display, local, domain]) => `${display} <${local}@${domain}>`).join(', ');
        assert.deepEqual(
          mailboxesOf(value),
          list.map(([, local, domain]) => `${local}@${domain}`),
        );
      }),
    );
  });

  it('a list of a hundred thousand pieces is read in one pass', () => {
    for (const piece of [
      '"',
      '<\\"',
      '\\"',
      '(',
      '((\\"',
      '<',
      '<"',
      '<(',
      ' ',
      '@',
      ',',
      'a@b,',
      ':',
      '@ ',
    ]) {
      mailboxesOf(piece.repeat(100_000));
      mailboxesOf(`"${piece.repeat(100_000)}`);
      mailboxesOf(`(${piece.repeat(100_000)}`);
    }
  });
});
