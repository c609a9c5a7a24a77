import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeHeaderText } from './encoded-words.ts';
import {
  findHeaderValue,
  findSubject,
  headerValue,
  headerValues,
  messageIdOf,
  parseHeaderFields,
  subjectOf,
} from './header-fields.ts';

/** Octets, one for each character up to U+00FF. */
const octets = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const fieldsOf = (text: string) =>
  parseHeaderFields(octets(text)).fields.map(({ name, value }) => [name, value]);

describe('a header section is read field by field', () => {
  const cases: readonly [name: string, text: string, fields: readonly (readonly string[])[]][] = [
    [
      'CRLF ends a line',
      'From: a\r\nTo: b\r\n\r\nX: body',
      [
        ['From', 'a'],
        ['To', 'b'],
      ],
    ],
    [
      'so does a bare LF',
      'From: a\nTo: b\n\nX: body',
      [
        ['From', 'a'],
        ['To', 'b'],
      ],
    ],
    [
      'mixed line ends',
      'From: a\nTo: b\r\n\nX: body',
      [
        ['From', 'a'],
        ['To', 'b'],
      ],
    ],
    ['names are kept as written', 'mEsSaGe-iD: <a@b>\r\n\r\n', [['mEsSaGe-iD', '<a@b>']]],
    ['a folded line is unfolded', 'Subject: one\r\n two\r\n\tthree\r\n\r\n', [['Subject', 'one two three']]],
    [
      'a line of blanks is a fold, not the end',
      'Subject: one\r\n \r\n two\r\n\r\n',
      [['Subject', 'one  two']],
    ],
    ['a value on the next line', 'Subject:\r\n one\r\n\r\n', [['Subject', 'one']]],
    ['no blank behind the colon', 'Subject:one\r\n\r\n', [['Subject', 'one']]],
    ['a byte order mark before the name', '\xef\xbb\xbfSubject: one\r\n\r\n', [['Subject', 'one']]],
    ['blanks before the colon', 'Subject \t: one\r\n\r\n', [['Subject', 'one']]],
    ['an empty value', 'Subject:\r\n\r\n', [['Subject', '']]],
    ['colons in the value', 'Subject: a: b\r\n\r\n', [['Subject', 'a: b']]],
    ['a NUL octet is kept', 'Subject: a\0b\r\n\r\n', [['Subject', 'a\0b']]],
    ['a CR inside a line is kept', 'Subject: a\rb\r\n\r\n', [['Subject', 'a\rb']]],
    ['8-bit text that is UTF-8', 'Subject: J\xc3\xb6rg\r\n\r\n', [['Subject', 'Jörg']]],
    ['8-bit text that is not', 'Subject: J\xf6rg\r\n\r\n', [['Subject', 'Jörg']]],
    [
      'each line has its own encoding',
      'A: \xc3\xb6\r\nB: \xf6\r\n\r\n',
      [
        ['A', 'ö'],
        ['B', 'ö'],
      ],
    ],
    [
      'the same name twice',
      'X: 1\r\nX: 2\r\n\r\n',
      [
        ['X', '1'],
        ['X', '2'],
      ],
    ],
    ['the mailbox line of a mail file is passed over', 'From joe Fri\r\nTo: b\r\n\r\n', [['To', 'b']]],
    [
      'a line without a colon is passed over',
      'To: b\r\nnonsense\r\nX: 1\r\n\r\n',
      [
        ['To', 'b'],
        ['X', '1'],
      ],
    ],
    ['a line without a name is passed over', ': b\r\nX: 1\r\n\r\n', [['X', '1']]],
    ['a blank in the name is no name', 'a b: c\r\nX: 1\r\n\r\n', [['X', '1']]],
    [
      'a fold of a line that was passed over goes with it',
      'To: b\r\nnonsense\r\n more\r\n\r\n',
      [['To', 'b']],
    ],
    ['a fold with nothing before it', ' more\r\nTo: b\r\n\r\n', [['To', 'b']]],
    [
      'no empty line at all',
      'From: a\r\nTo: b',
      [
        ['From', 'a'],
        ['To', 'b'],
      ],
    ],
    ['a last line that ends in CR', 'To: b\r', [['To', 'b']]],
    ['no field at all', '\r\nTo: b\r\n', []],
    ['nothing', '', []],
    ['a very long line', `X: ${'y'.repeat(1200)}\r\n\r\n`, [['X', 'y'.repeat(1200)]]],
  ];
  for (const [name, text, fields] of cases) it(name, () => assert.deepEqual(fieldsOf(text), fields));
});

describe('the body begins behind the empty line', () => {
  const cases: readonly [name: string, text: string, body: string][] = [
    ['behind CRLF', 'To: b\r\n\r\nbody', 'body'],
    ['behind LF', 'To: b\n\nbody', 'body'],
    ['at once', '\r\nbody', 'body'],
    ['never, when there is no empty line', 'To: b\r\n', ''],
    ['never, when there is nothing', '', ''],
    ['not at a lone CR at the end', 'To: b\r\n\r', ''],
    ['only at the first', 'To: b\r\n\r\n\r\nbody', '\r\nbody'],
  ];
  for (const [name, text, body] of cases) {
    it(name, () => assert.equal(text.slice(parseHeaderFields(octets(text)).bodyOffset), body));
  }
});

describe('header sections of any octets', () => {
  const piece = fc.constantFrom(
    '\r',
    '\n',
    '\r\n',
    ' ',
    '\t',
    ':',
    '\0',
    'A',
    'b',
    '\xff',
    '\xc3',
    '=?',
    '?=',
    '"',
  );

  it('are read without throwing, the body offset inside them', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
        const text = parts.join('');
        const { fields, bodyOffset } = parseHeaderFields(octets(text));
        assert.ok(bodyOffset >= 0 && bodyOffset <= text.length);
        for (const { name, value } of fields) {
          assert.match(name, /^[!-9;-~]+$/);
          assert.doesNotMatch(value, /\n/);
          decodeHeaderText(value);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('that are well formed come back field by field, however they are folded', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,15}$/);
    const words = fc.array(fc.stringMatching(/^[!-~]{1,10}$/), { minLength: 1, maxLength: 8 });
    const fold = fc.constantFrom(' ', '\r\n ', '\n\t');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, words, fold)), (list) => {
        const text = list.map(([key, value, by]) => `${key}: ${value.join(by)}\r\n`).join('');
        assert.deepEqual(
          fieldsOf(`${text}\r\nbody`),
          list.map(([key, value]) => [key, value.join(' ')]),
        );
      }),
    );
  });

  it('are read alike whether all is ASCII or one line is not', () => {
    const ascii = fc.constantFrom(
      '\r',
      '\n',
      '\r\n',
      '\r\n\r\n',
      ' ',
      '\t',
      ':',
      '\0',
      'A',
      'b',
      'Subject: ',
      '\x7f',
    );
    fc.assert(
      fc.property(fc.array(ascii, { maxLength: 60 }), (parts) => {
        const text = parts.join('');
        for (const [octet, character] of [
          ['\xff', 'ÿ'],
          ['\xc3\xb6', 'ö'],
        ])
          assert.deepEqual(fieldsOf(`Z: ${octet}\r\nnonsense\r\n${text}`), [
            ['Z', character],
            ...fieldsOf(text),
          ]);
      }),
      { numRuns: 2000 },
    );
  });

  it('have one field found by itself as among all', () => {
    const some = fc.oneof(
      piece,
      fc.constantFrom(
        'a:',
        'A :',
        'aB: ',
        '\r\nA: b',
        '\nab:c',
        '\r\n ',
        '\r\n\t\xc3\xb6',
        '\xef\xbb\xbf',
        ': a',
      ),
    );
    const name = fc.constantFrom('a', 'B', 'Ab', 'c', '"');
    fc.assert(
      fc.property(fc.array(some, { maxLength: 40 }), name, (parts, wanted) => {
        const text = octets(parts.join(''));
        assert.equal(findHeaderValue(text, wanted), headerValue(parseHeaderFields(text).fields, wanted));
      }),
      { numRuns: 10_000 },
    );
  });

  it('of a megabyte are read in one pass', () => {
    for (const piece of ['a', ':', ' ', '\n', 'a:\n', ' \n', '\r', '=?', '=?a?q?', '?= ']) {
      const text = piece.repeat(250_000);
      const { fields } = parseHeaderFields(octets(`X: ${text}\r\nX${text}Y: ${text}\r\n`));
      for (const { value } of fields) decodeHeaderText(value);
    }
  });
});

describe('fields are found by name, letter case aside', () => {
  const { fields } = parseHeaderFields(octets('X-Spam: 1\r\nSubject: a\r\nx-spam: 2\r\n\r\n'));

  it('all values, top down', () => assert.deepEqual(headerValues(fields, 'X-SPAM'), ['1', '2']));
  it('the topmost value', () => assert.equal(headerValue(fields, 'x-spam'), '1'));
  it('no value', () => {
    assert.equal(headerValue(fields, 'X-Virus'), undefined);
    assert.deepEqual(headerValues(fields, 'X-Virus'), []);
  });
});

describe('the Message-ID header', () => {
  const messageId = (text: string) => messageIdOf(parseHeaderFields(octets(text)).fields);
  it('is taken as it stands', () => assert.equal(messageId('Message-Id: <a@b>\r\n\r\n'), '<a@b>'));
  it('is empty when there is none', () => assert.equal(messageId('To: b\r\n\r\n'), ''));
  it('is the first of two', () =>
    assert.equal(messageId('Message-ID: <1@b>\nMessage-ID: <2@b>\n\n'), '<1@b>'));
});

describe('the Subject header', () => {
  const amongAll = (text: string) => subjectOf(parseHeaderFields(octets(text)).fields);
  const byItself = (text: string) => findSubject(octets(text));
  for (const subject of [amongAll, byItself]) {
    it(`is decoded, ${subject.name}`, () =>
      assert.equal(subject('To: b\r\nSUBJECT: =?utf-8?q?J=C3=B6rg?=\r\n =?utf-8?q?_S?=\r\n\r\n'), 'Jörg S'));
    it(`is empty when there is none, ${subject.name}`, () =>
      assert.equal(subject('To: b\r\nSub: a\r\n\r\nSubject: a\r\n'), ''));
  }
});
