import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeHeaderText } from './encoded-words.ts';

describe('encoded words of RFC 2047', () => {
  const cases: readonly [name: string, value: string, text: string][] = [
    ['quoted-printable', '=?utf-8?Q?J=C3=B6rg_Doe?=', 'Jörg Doe'],
    ['base64', '=?UTF-8?B?SsO2cmc=?=', 'Jörg'],
    ['base64 without padding', '=?UTF-8?b?SsO2cmc?=', 'Jörg'],
    ['base64 with a character too many', '=?UTF-8?b?SsO2cmcx1?=', 'Jörg1'],
    ['a character set of the ISO 8859 family', '=?iso-8859-2?q?=B9?=', 'š'],
    ['a character set of Windows', '=?windows-1251?q?=CF?=', 'П'],
    ['a language tag', '=?utf-8*de?q?J=C3=B6rg?=', 'Jörg'],
    ['an unknown character set stays', '=?x-none?q?abc?=', '=?x-none?q?abc?='],
    ['an unknown encoding stays', '=?utf-8?x?abc?=', '=?utf-8?x?abc?='],
    ['an unfinished word stays', '=?utf-8?q?abc', '=?utf-8?q?abc'],
    ['an equals sign that encodes nothing stays', '=?utf-8?q?a=zz?=', 'a=zz'],
    ['text around it stays', 'Re: =?utf-8?q?J?= Doe', 'Re: J Doe'],
    ['blanks between two words do not count', '=?utf-8?q?a?= \t=?utf-8?q?b?=', 'ab'],
    ['also between two encodings', '=?utf-8?q?a?= =?utf-8?b?Yg==?=', 'ab'],
    ['also between two character sets', '=?utf-8?q?a?= =?us-ascii?q?b?=', 'ab'],
    ['blanks before a word that stays do count', '=?utf-8?q?a?= =?x-none?q?b?=', 'a =?x-none?q?b?='],
    ['blanks behind a word that stays do count', '=?x-none?q?b?= =?utf-8?q?a?=', '=?x-none?q?b?= a'],
    ['blanks before text do count', '=?utf-8?q?a?= b', 'a b'],
    ['a character split between two words', '=?utf-8?q?J=C3?= =?UTF-8?B?tnJn?=', 'Jörg'],
    ['octets that are no text', '=?utf-8?q?=FF?=', '\ufffd'],
    ['an empty word', '=?utf-8?q??=', ''],
    ['raw text beyond ASCII in a word', '=?utf-8?q?aé?=', 'aé'],
    ['no encoded word', 'plain =? text ?=', 'plain =? text ?='],
    ['nothing', '', ''],
  ];
  for (const [name, value, text] of cases) it(name, () => assert.equal(decodeHeaderText(value), text));

  it('any text is taken without throwing', () => {
    const piece = fc.constantFrom(
      '=?',
      '?=',
      '?',
      'utf-8',
      'q',
      'B',
      '=C3',
      'YWI=',
      ' ',
      '*',
      'x',
      'é',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (parts) => void decodeHeaderText(parts.join(''))),
      { numRuns: 2000 },
    );
  });

  it('a known character set is known however many unknown ones came before', () => {
    for (let n = 0; n < 300; n += 1) {
      const stays = `=?x-none-${n}?q?abc?=`;
      assert.equal(decodeHeaderText(stays), stays);
    }
    for (let times = 0; times < 2; times += 1) {
      assert.equal(decodeHeaderText('=?koi8-r?q?=CA?='), 'й');
      assert.equal(decodeHeaderText('=?iso-8859-15?q?=A4?='), '€');
    }
  });

  it('a hundred thousand words are read in one pass', () => {
    assert.equal(decodeHeaderText('=?us-ascii?q?a?= '.repeat(100_000)), `${'a'.repeat(100_000)} `);
  });

  it('text without a question mark stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const plain = text.replace(/\?/g, '');
        assert.equal(decodeHeaderText(plain), plain);
      }),
    );
  });
});
