import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeHeaderText } from './encoded-words.ts';
import { parseHeaderFields } from './header-fields.ts';
import { headerField, listField, oneLine } from './header-text.ts';

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const linesOf = (field: string): readonly string[] => field.split('\r\n').slice(0, -1);
const fieldValue = (field: string): string => {
  const { fields } = parseHeaderFields(octets(field));
  assert.equal(fields.length, 1);
  return fields[0]?.value ?? '';
};
/** What a receiver reads again. */
const readBack = (field: string): string => decodeHeaderText(fieldValue(field));

describe('a value from outside becomes one line', () => {
  const cases: readonly [name: string, value: string, line: string][] = [
    ['line ends become one blank', 'a\r\nBcc: b', 'a Bcc: b'],
    ['so do other controls', 'a\u0000\u001b\tb\u007fc', 'a b c'],
    ['the ends are trimmed', '\r\n a \r\n', 'a'],
    ['blanks within stay', 'a  b', 'a  b'],
  ];
  for (const [name, value, line] of cases) it(name, () => assert.equal(oneLine(value), line));
});

describe('an unstructured field', () => {
  const cases: readonly [name: string, value: string, field: string][] = [
    ['short', 'Hello', 'Subject: Hello\r\n'],
    ['empty', '', 'Subject: \r\n'],
    ['cannot carry another field', 'Hello\r\nBcc: x@y.example', 'Subject: Hello Bcc: x@y.example\r\n'],
    ['beyond ASCII', 'Grüße', 'Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n'],
    [
      'folded at a blank',
      `${'a'.repeat(40)} ${'b'.repeat(40)}`,
      `Subject: ${'a'.repeat(40)}\r\n ${'b'.repeat(40)}\r\n`,
    ],
    [
      'a full line is not folded',
      `${'a'.repeat(40)} ${'b'.repeat(28)}`,
      `Subject: ${'a'.repeat(40)} ${'b'.repeat(28)}\r\n`,
    ],
    [
      'a line beyond it is',
      `${'a'.repeat(40)} ${'b'.repeat(29)}`,
      `Subject: ${'a'.repeat(40)}\r\n ${'b'.repeat(29)}\r\n`,
    ],
    ['no blanks around it', ' a ', 'Subject: a\r\n'],
    ['one blank for several', 'a  b', 'Subject: a b\r\n'],
    ['an equals sign', 'a = b', 'Subject: a = b\r\n'],
    ['a word that is too long stays whole', 'a'.repeat(100), `Subject: ${'a'.repeat(100)}\r\n`],
    ['what looks encoded is encoded', '=?utf-8?q?x?=', 'Subject: =?UTF-8?B?PT91dGYtOD9xP3g/PQ==?=\r\n'],
  ];
  for (const [name, value, field] of cases)
    it(name, () => assert.equal(headerField('Subject', value), field));

  it('a line of blanks cannot end the header', () => {
    const field = headerField('Subject', `a${' '.repeat(500)}b`);
    assert.equal(field, 'Subject: a b\r\n');
  });

  it('a word beyond what a line may hold is encoded', () => {
    const value = `see ${'x'.repeat(3000)}`;
    const field = headerField('Subject', value);
    assert.ok(linesOf(field).every((line) => line.length <= 76));
    assert.equal(readBack(field), value);
  });

  it('a character is never split between two encoded words', () => {
    for (const word of headerField('Subject', '€'.repeat(50)).match(/=\?[^ \r]+\?=/g) ?? [])
      assert.match(decodeHeaderText(word), /^€+$/);
  });

  it('any text: ASCII lines within limits, none of blanks alone, one field, read back as it was', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.stringMatching(/^[ a]{0,2000}$/),
      fc.string({ unit: fc.constantFrom('\r\n', ' ', ':', '=?', '?=', 'ü', 'x') }),
    );
    fc.assert(
      fc.property(text, (value) => {
        const field = headerField('Subject', value);
        assert.match(field, /^Subject: [ -~]*\r\n( [ -~]*\r\n)*$/);
        const [, ...folded] = linesOf(field);
        assert.ok(linesOf(field).every((line) => line.length <= 998));
        assert.ok(folded.every((line) => line.trim() !== ''));
        const collapsed = (one: string) => oneLine(one.toWellFormed()).replace(/ +/g, ' ');
        assert.equal(collapsed(readBack(field)), collapsed(value));
      }),
    );
  });
});

describe('a field that holds a list', () => {
  it('items behind commas', () => assert.equal(listField('X-To', ['a@x', 'b@y']), 'X-To: a@x, b@y\r\n'));
  it('one item', () => assert.equal(listField('X-To', ['a@x']), 'X-To: a@x\r\n'));
  it('the null sender', () => assert.equal(listField('X-From', ['']), 'X-From: \r\n'));
  it('items without the blanks around them', () =>
    assert.equal(listField('X-To', [' a@x', 'b@y, ', 'c@z ']), 'X-To: a@x, b@y,, c@z\r\n'));
  it('no item at all', () => assert.equal(listField('X-To', []), 'X-To:\r\n'));
  it('folded where the line would be longer by one', () => {
    const item = 'a'.repeat(69);
    assert.equal(listField('X-To', [item, 'b']), `X-To: ${item}, b\r\n`);
    assert.equal(listField('X-To', [item, 'bc']), `X-To: ${item},\r\n bc\r\n`);
  });
  it('folded behind a comma', () => {
    const item = `${'a'.repeat(30)}@x.example`;
    assert.equal(listField('X-To', [item, item]), `X-To: ${item},\r\n ${item}\r\n`);
  });
  it('an empty item at the end of a full line makes no line of blanks', () => {
    const item = 'a'.repeat(71);
    assert.equal(listField('X-To', [item, '']), `X-To: ${item}, \r\n`);
  });
  it('international addresses as they are', () =>
    assert.equal(listField('X-To', ['jörg@x.example']), 'X-To: jörg@x.example\r\n'));
  it('an item beyond what a line may hold is encoded', () => {
    const long = `${'x'.repeat(3000)}@x.example`;
    const field = listField('X-To', [long, 'b@y']);
    assert.ok(linesOf(field).every((line) => line.length <= 998));
    assert.equal(readBack(field), `${long}, b@y`);
  });

  it('any items: lines within limits and one field', () => {
    const item = fc.oneof(fc.string({ unit: 'binary', maxLength: 80 }), fc.stringMatching(/^ü{0,1000}$/));
    fc.assert(
      fc.property(fc.array(item, { maxLength: 30 }), (items) => {
        const field = listField('X-To', items);
        assert.ok(linesOf(field).every((line) => octets(line).length <= 998));
        assert.match(
          field,
          /^X-To:[^\u0000-\u001f]*\r\n( [^\u0000-\u001f]*[^\u0000-\u0020][^\u0000-\u001f]*\r\n)*$/,
        );
        fieldValue(field);
      }),
    );
  });
});
