import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readEnvelopeCommand, withAsciiDomain } from './envelope-command.ts';

describe('an envelope command', () => {
  const ADDRESSES: readonly (readonly [name: string, line: string, address: string, parameters?: string])[] =
    [
      ['gives its address', 'MAIL FROM:<a@example.org>', 'a@example.org'],
      ['in any letter case', 'mail from:<a@example.org>', 'a@example.org'],
      [
        'keeps letter case and everything else of the address',
        'RCPT TO:<Joe.@Example.COM>',
        'Joe.@Example.COM',
      ],
      ['may have a blank behind the colon', 'RCPT TO: <joe@example.com>', 'joe@example.com'],
      ['keeps its parameters', 'MAIL FROM:<a@b> SIZE=5 BODY=8BITMIME', 'a@b', ' SIZE=5 BODY=8BITMIME'],
      ['loses its source route', 'RCPT TO:<@one.example,@two.example:joe@example.com>', 'joe@example.com'],
      ['keeps a quoted local part with a blank', 'MAIL FROM:<"a b"@evil.example>', '"a b"@evil.example'],
      ['keeps a quoted local part with an @', 'MAIL FROM:<"a@b"@evil.example>', '"a@b"@evil.example'],
      [
        'keeps a quoted local part with angle brackets',
        'MAIL FROM:<"<x>"@evil.example> SIZE=1',
        '"<x>"@evil.example',
        ' SIZE=1',
      ],
      ['keeps what is escaped in quotes', 'MAIL FROM:<"a\\"\\\\"@evil.example>', '"a\\"\\\\"@evil.example'],
      ['keeps a domain in its ASCII form', 'MAIL FROM:<a@xn--bcher-kva.example>', 'a@xn--bcher-kva.example'],
      [
        'gives a domain beyond ASCII in its ASCII form',
        'MAIL FROM:<jörg@Bücher.example> SMTPUTF8',
        'jörg@xn--bcher-kva.example',
        ' SMTPUTF8',
      ],
      [
        'keeps invisible letters, which a gateway may let pass',
        'MAIL FROM:<a\u200bb@evil.example>',
        'a\u200bb@evil.example',
      ],
      ['keeps an address literal', 'RCPT TO:<joe@[IPv6:2001:db8::1]>', 'joe@[IPv6:2001:db8::1]'],
    ];
  for (const [name, line, address, parameters = ''] of ADDRESSES) {
    it(name, () => {
      const command = readEnvelopeCommand(line);
      assert.ok(typeof command === 'object');
      assert.deepEqual([command.address, command.parameters], [address, parameters]);
    });
  }

  const WITHOUT: readonly (readonly [name: string, line: string])[] = [
    ['the null sender', 'MAIL FROM:<>'],
    ['an address without a domain', 'RCPT TO:<postmaster>'],
    ['an address without a local part', 'RCPT TO:<@example.com>'],
    ['two addresses', 'RCPT TO:<a@b@c>'],
    ['no brackets', 'RCPT TO:joe@example.com'],
    ['something behind the bracket', 'RCPT TO:<joe@example.com>x'],
    ['an open quote', 'RCPT TO:<"joe@example.com>'],
    ['no colon', 'RCPT TO <joe@example.com>'],
  ];
  for (const [name, line] of WITHOUT)
    it(`with ${name} gives none`, () => assert.equal(readEnvelopeCommand(line), 'none'));

  it('with a control character, which would be a line of its own elsewhere, is not acceptable', () => {
    for (const character of ['\0', '\r', '\n', '\t', '\u007f', '\u0085'])
      assert.equal(readEnvelopeCommand(`RCPT TO:<"a${character}b"@example.com>`), 'unacceptable');
  });

  it('with an endless address is not acceptable', () => {
    assert.equal(readEnvelopeCommand(`RCPT TO:<${'a'.repeat(3000)}@example.com>`), 'unacceptable');
  });

  it('is read in linear time', () => {
    for (const hostile of ['@a,'.repeat(5000), '"'.repeat(15_000), '\\"'.repeat(7500), ' '.repeat(15_000)])
      assert.equal(readEnvelopeCommand(`RCPT TO:<${hostile}`), 'none');
  });
});

describe('the ASCII form', () => {
  it('leaves an address without a domain, and an ASCII domain, as they are', () => {
    assert.equal(withAsciiDomain('Postmaster'), 'Postmaster');
    assert.equal(withAsciiDomain('a@Example.COM.'), 'a@Example.COM.');
  });
});
