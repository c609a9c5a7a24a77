import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  readEnvelopeCommand,
  readPlainMail,
  readPlainRecipient,
  withAsciiDomain,
} from './envelope-command.ts';

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

describe('a plain command', () => {
  const address = "Joe.O'Brien+x=1/2@Mail-1.example";
  it('is read with the parameters that gateways send', () => {
    const none = { address, announcedBytes: 0, smtpUtf8: false };
    for (const [parameters, read] of [
      ['', none],
      [' SIZE=100', { ...none, announcedBytes: 100 }],
      [' SIZE=5 BODY=8BITMIME', { ...none, announcedBytes: 5 }],
      [' BODY=7bit', none],
      [' size=7 body=8bitmime smtputf8', { address, announcedBytes: 7, smtpUtf8: true }],
      [' SMTPUTF8', { ...none, smtpUtf8: true }],
    ] as const)
      assert.deepEqual(readPlainMail(`MAIL FROM:<${address}>${parameters}`), read);
    assert.deepEqual(readPlainMail('mail from:<>'), { ...none, address: '' });
    assert.equal(readPlainRecipient(`rcpt to:<${address}>`), address);
  });

  for (const rest of [
    'joe@example.com',
    '<joe>',
    '<joe@example.com> ',
    '<joe@example.com> SIZE=x',
    '<joe@example.com> SIZE=1 SIZE=1',
    '<joe@example.com> SIZE=1234567890123456',
    '<joe@example.com> BODY=BINARYMIME',
    '<joe@example.com> ENVID=x',
    '<joe@example.com> NOTIFY=NEVER',
    '<"joe"@example.com>',
    '<joe@[192.0.2.1]>',
    '<@relay.example:joe@example.com>',
    '<a@b@example.com>',
    '<j\u00f6rg@example.com>',
    '<joe@b\u00fccher.example>',
    '<joe@example.com\0>',
    '<joe\r@example.com>',
    ` <joe@example.com>`,
    `<${'a'.repeat(2048)}@example.com>`,
  ]) {
    it(`needs a closer look with ${JSON.stringify(rest.slice(0, 50))}`, () => {
      assert.equal(readPlainMail(`MAIL FROM:${rest}`), undefined);
      assert.equal(readPlainRecipient(`RCPT TO:${rest}`), undefined);
    });
  }

  it('has the address that the closer look finds', () => {
    const text = fc.string({ unit: fc.constantFrom(...'aZ0.-+_@<>:" '), maxLength: 12 });
    const property = fc.property(text, (path) => {
      const recipient = readPlainRecipient(`RCPT TO:<${path}>`);
      const sender = readPlainMail(`MAIL FROM:<${path}>`)?.address;
      const closer = readEnvelopeCommand(`RCPT TO:<${path}>`);
      assert.equal(sender, path === '' ? '' : recipient);
      if (recipient !== undefined)
        assert.deepEqual(closer, { verb: 'RCPT TO:', address: recipient, parameters: '' });
    });
    fc.assert(property, { numRuns: 2000 });
  });
});
