import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addressKey, isDomain, isMailAddress, parseAddress, toAsciiDomain } from './address.ts';

describe('a domain is compared in its ASCII form', () => {
  const cases: readonly [name: string, domain: string, ascii: string][] = [
    ['letter case does not count', 'Example.COM', 'example.com'],
    ['a final dot does not count', 'example.com.', 'example.com'],
    ['U-labels become A-labels', 'Bücher.Example', 'xn--bcher-kva.example'],
    ['A-labels stay', 'XN--Bcher-KVA.example', 'xn--bcher-kva.example'],
    ['the ideographic full stop separates labels', '例え。テスト', 'xn--r8jz45g.xn--zckzah'],
    ['an address literal stays', '[192.0.2.1]', '[192.0.2.1]'],
    ['no domain stays none', '', ''],
    ['a name without an ASCII form stays, in lower case', 'Ü .example', 'ü .example'],
    ['a port is not a part of a name', 'ü.example:25', 'ü.example:25'],
    ['a path is not a part of a name', 'ü.example/x', 'ü.example/x'],
    ['a query is not a part of a name', 'ü.example?x', 'ü.example?x'],
    ['a fragment is not a part of a name', 'ü.example#x', 'ü.example#x'],
    ['a percent sign encodes nothing', 'ü%41.example', 'ü%41.example'],
    ['a line break is not passed over', 'ü\n.example', 'ü\n.example'],
    ['wide digits do not make an IP address', '１２７.１', '１２７.１'],
  ];
  for (const [name, domain, ascii] of cases) it(name, () => assert.equal(toAsciiDomain(domain), ascii));

  it('takes any text without throwing, and its own result unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const once = toAsciiDomain(text);
        assert.equal(toAsciiDomain(once), once);
      }),
    );
  });
});

describe('an address is read for comparison', () => {
  const cases: readonly [name: string, text: string, local: string, domain: string][] = [
    ['both parts in lower case', 'Joe.Doe@Example.COM', 'joe.doe', 'example.com'],
    ['without a domain', 'Postmaster', 'postmaster', ''],
    ['the last @ separates', '"a@b"@example.com', 'a@b', 'example.com'],
    ['quotes that are not needed do not count', '"joe"@example.com', 'joe', 'example.com'],
    ['a quoted pair is its character', '"j\\"oe"@example.com', 'j"oe', 'example.com'],
    ['international domains in their ASCII form', 'joe@bücher.example', 'joe', 'xn--bcher-kva.example'],
    ['international local parts in lower case', 'JÖRG@example.com', 'jörg', 'example.com'],
    ['the null sender', '', '', ''],
    ['an empty local part', '@example.com', '', 'example.com'],
  ];
  for (const [name, text, local, domain] of cases) {
    it(name, () => assert.deepEqual(parseAddress(text), { local, domain }));
  }

  it('two ways to write one address have one key', () => {
    assert.equal(
      addressKey(parseAddress('"Joe"@BÜCHER.example')),
      addressKey(parseAddress('joe@xn--bcher-kva.example.')),
    );
  });

  it('takes any text without throwing', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseAddress(text)));
  });
});

describe('what the policy document may name as an address', () => {
  const cases: readonly [text: string, valid: boolean][] = [
    ['33c48e-27xp9-05ecb4@beta.cmd.example.com', true],
    ['a.b+c=d/e@example', true],
    ['"john doe"@example.com', true],
    ['jörg@bücher.example', true],
    ['joe@_dmarc.example.com', true],
    ['joe', false],
    ['@example.com', false],
    ['joe@', false],
    ['joe@-example.com', false],
    ['joe@example..com', false],
    ['joe@example.com.', true],
    ['joe doe@example.com', false],
    ['<joe@example.com>', false],
    ['joe@example.com\r\nRCPT TO:<ann@example.com>', false],
    ['joe\n@example.com', false],
    ['joe\u0000@example.com', false],
    ['"joe\r\n"@example.com', false],
    ['"joe\\\u0000"@example.com', false],
    ['"joe\\"@example.com', false],
    ['joe@exam ple.com', false],
    ['joe@ü.example\r\nX', false],
    ['joe@[192.0.2.1]', false],
    ['joe@192.0.2.1', false],
    ['joe@192.0.2.300', false],
    ['joe@4you.example', true],
    [`${'x'.repeat(245)}@example.com`, false],
    [`joe@${'x'.repeat(64)}.example`, false],
  ];
  for (const [text, valid] of cases) {
    it(`${JSON.stringify(text).slice(0, 60)} is ${valid ? 'one' : 'none'}`, () => {
      assert.equal(isMailAddress(text), valid);
    });
  }

  it('a domain is judged in its ASCII form', () => {
    assert.equal(isDomain('Bücher.Example'), true);
    assert.equal(isDomain('bücher.example/x'), false);
    assert.equal(isDomain(''), false);
  });
});
