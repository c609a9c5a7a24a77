import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classifyDirection, type Direction, type DirectionInput, isLocalRecipient } from './direction.ts';
import type { DirectionRules } from './policy-document/types.ts';

const rules: DirectionRules = {
  localDomains: ['example.com', '.example.com', 'xn--bcher-kva.example'],
  relayNetworks: ['10.0.0.0/8', '2001:db8::/32', 'not a network'],
};
const open: DirectionRules = { localDomains: [], relayNetworks: [] };

const mail = (change: Partial<DirectionInput>): DirectionInput => ({
  authenticated: false,
  clientAddress: '192.0.2.1',
  recipients: ['joe@example.com'],
  ...change,
});

describe('the direction of a message', () => {
  const cases: readonly [name: string, input: DirectionInput, rules: DirectionRules, direction: Direction][] =
    [
      ['mail for a local domain is incoming', mail({}), rules, 'incoming'],
      [
        'without local domains every domain is local',
        mail({ recipients: ['a@elsewhere.example'] }),
        open,
        'incoming',
      ],
      ['an authenticated client sends outgoing mail', mail({ authenticated: true }), rules, 'outgoing'],
      ['also where every domain is local', mail({ authenticated: true }), open, 'outgoing'],
      [
        'a client in a relay network sends outgoing mail',
        mail({ clientAddress: '10.1.2.3' }),
        rules,
        'outgoing',
      ],
      ['an IPv6 client too', mail({ clientAddress: '2001:db8::7' }), rules, 'outgoing'],
      ['a mapped IPv4 client too', mail({ clientAddress: '::ffff:10.1.2.3' }), rules, 'outgoing'],
      [
        'even for foreign recipients',
        mail({ clientAddress: '10.1.2.3', recipients: ['a@b.example'] }),
        rules,
        'outgoing',
      ],
      [
        'mail without a local recipient is relayed',
        mail({ recipients: ['a@b.example', 'c@d.example'] }),
        rules,
        'relayed',
      ],
      [
        'one local recipient makes it incoming',
        mail({ recipients: ['a@b.example', 'joe@example.com'] }),
        rules,
        'incoming',
      ],
      [
        'an unknown client is judged by the recipients',
        { authenticated: false, recipients: ['joe@example.com'] },
        rules,
        'incoming',
      ],
      ['a client that is no address too', mail({ clientAddress: 'unknown' }), rules, 'incoming'],
    ];
  for (const [name, input, given, direction] of cases) {
    it(name, () => assert.equal(classifyDirection(input, given).direction, direction));
  }

  it('is explained in words', () => {
    const reasons = cases.map(([, input, given]) => classifyDirection(input, given).reason);
    assert.deepEqual(
      [...new Set(reasons)],
      [
        'a recipient is in a local domain',
        'every domain is local',
        'the client was authenticated',
        'client 10.1.2.3 is in a relay network',
        'client 2001:db8::7 is in a relay network',
        'client ::ffff:10.1.2.3 is in a relay network',
        'no recipient is in a local domain',
      ],
    );
  });
});

describe('a recipient is local', () => {
  const cases: readonly [recipient: string, local: boolean][] = [
    ['joe@example.com', true],
    ['JOE@EXAMPLE.COM', true],
    ['joe@mail.example.com', true],
    ['joe@bücher.example', true],
    ['joe@mail.xn--bcher-kva.example', false],
    ['joe@badexample.com', false],
    ['joe@example.com.evil.example', false],
    ['"joe@example.com"@evil.example', false],
    ['postmaster', true],
  ];
  for (const [recipient, local] of cases) {
    it(`${recipient}: ${local ? 'yes' : 'no'}`, () =>
      assert.equal(isLocalRecipient(recipient, rules), local));
  }
  it('everyone, where no local domains are named', () => {
    assert.equal(isLocalRecipient('joe@elsewhere.example', open), true);
  });
});
