import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainAddress, readReceived } from './received-field.ts';

const DATE = '; Fri, 16 Feb 2024 21:19:22 +0000';

describe('a Received field of', () => {
  const SERVERS: readonly (readonly [
    server: string,
    value: string,
    address: string | undefined,
    authenticated?: boolean,
  ])[] = [
    [
      'Postfix',
      'from helo.example (host.example [203.0.113.9]) by gw.example.com (Postfix) with ESMTP id 4T for <joe@example.com>',
      '203.0.113.9',
    ],
    [
      'Postfix over TLS, whatever is in the certificate of the client',
      'from helo (unknown [203.0.113.9]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)) (Client CN "x [198.51.100.1]", Issuer "y" (not verified)) by gw (Postfix) with ESMTPS id 4T',
      '203.0.113.9',
    ],
    [
      'Postfix with a client who logged in',
      'from [192.168.1.5] (dsl.example [203.0.113.9]) (Authenticated sender: joe@example.com) by gw (Postfix) with ESMTPSA id 4T',
      '203.0.113.9',
      true,
    ],
    [
      'Postfix over IPv6',
      'from h (h.example [IPv6:2001:db8::7]) by gw (Postfix) with UTF8SMTPSA id 1',
      '2001:db8::7',
      true,
    ],
    [
      'Exim',
      'from host.example ([203.0.113.9] helo=[198.51.100.1]) by gw with esmtps (TLS1.3) tls TLS_AES (Exim 4.96) (envelope-from <a by b@x>) id 1r for joe@example.com',
      '203.0.113.9',
    ],
    [
      'Exim without a reverse name',
      'from [203.0.113.9] (helo=[198.51.100.1]) by gw with esmtpa (Exim 4.96) id 1r',
      '203.0.113.9',
      true,
    ],
    [
      'Exim with a port',
      'from host.example ([203.0.113.9]:41234 ident=[198.51.100.1]) by gw with esmtp id 1r',
      '203.0.113.9',
    ],
    [
      'Sendmail',
      'from [198.51.100.1] (IDENT:[198.51.100.2]@host [203.0.113.9] (may be forged)) by gw (8.15.2/8.15.2) with ESMTP id 4T',
      '203.0.113.9',
    ],
    ['qmail', 'from unknown (HELO [198.51.100.1]) (203.0.113.9) by gw with SMTP', '203.0.113.9'],
    ['Courier', 'from h ([::ffff:203.0.113.9]) by gw with ESMTP', '203.0.113.9'],
    [
      'Exchange',
      'from A.example (2603:10a6:208::7) by B.example (10.1.2.4) with Microsoft SMTP Server (version=TLS1_2) id 15.20 via Frontend Transport',
      '2603:10a6:208::7',
    ],
    ['a server behind UUCP', 'from h (h [203.0.113.9]) by gw via UUCP with LMTPA id 1', '203.0.113.9', true],
    ['a server that tells no address', 'from h by gw with ESMTP', undefined],
    ['a server that tells no protocol', 'from h (h [203.0.113.9]) by gw id 1', '203.0.113.9'],
  ];
  for (const [server, value, address, authenticated = false] of SERVERS) {
    it(server, () => {
      assert.deepEqual(readReceived(value + DATE), { kind: 'hop', address, authenticated });
    });
  }

  const LOCAL: readonly (readonly [server: string, value: string])[] = [
    ['a content filter', 'by gw.example.com (Postfix, from userid 115) id 4T'],
    ['Sendmail, submitted locally', '(from root@localhost) by gw (8.15.2/8.15.2/Submit) id 4T'],
    ['qmail, handing over to itself', '(qmail 12345 invoked from network)'],
  ];
  for (const [server, value] of LOCAL)
    it(`${server} is local`, () => assert.deepEqual(readReceived(value + DATE), { kind: 'local' }));
});

describe('a client that puts words of its own into a Received field is believed in nothing', () => {
  const GENUINE = '(unknown [203.0.113.9]) by gw (Postfix) with ESMTP id 4T for <joe@example.com>';
  const NAMES = [
    'x by y with ESMTPA',
    'x (y [198.51.100.1]) by z with ESMTPA',
    'x (y [198.51.100.1])  (z [198.51.100.2]) by z with ESMTPSA id 1 from q',
    'x by y with ESMTPA (',
    'x by y with ESMTPA "',
    'x by y with ESMTPA <',
    'a b',
    'x)',
    'with ESMTPA by',
  ];
  for (const name of NAMES)
    it(JSON.stringify(name), () =>
      assert.deepEqual(readReceived(`from ${name} ${GENUINE}${DATE}`), { kind: 'unreadable' }),
    );

  it('not even when its recipient ends what its name began', () => {
    const value = `from x by y with ESMTPA ( (unknown [203.0.113.9]) by gw (Postfix) with ESMTP id 4T for <a)b@example.com>`;
    assert.deepEqual(readReceived(value + DATE), { kind: 'unreadable' });
  });

  it('not even by a date of its own', () => {
    const hop = readReceived(`from x; ${GENUINE}`);
    assert.deepEqual(hop, { kind: 'unreadable' });
  });

  it('nor by its length', () => {
    assert.deepEqual(readReceived(`from ${'('.repeat(100_000)}`), { kind: 'unreadable' });
    assert.deepEqual(readReceived(''), { kind: 'local' });
  });
});

describe('an address', () => {
  const FORMS: readonly (readonly [text: string, plain: string | undefined])[] = [
    ['203.0.113.9', '203.0.113.9'],
    ['[203.0.113.9]', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['IPv6:2001:db8::1', '2001:db8::1'],
    ['[IPv6:fe80::1%eth0]', 'fe80::1'],
    ['host.example', undefined],
    ['', undefined],
  ];
  for (const [text, plain] of FORMS) it(`${text} is ${plain}`, () => assert.equal(plainAddress(text), plain));
});
