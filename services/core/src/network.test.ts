import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isInNetworks, networkContains, parseIpAddress, parseNetwork } from './network.ts';

describe('an IP address is read into its octets', () => {
  const v6 = (...groups: number[]) => groups.flatMap((group) => [group >> 8, group & 255]);
  const cases: readonly [name: string, text: string, octets: readonly number[] | undefined][] = [
    ['IPv4', '192.0.2.1', [192, 0, 2, 1]],
    ['the highest IPv4', '255.255.255.255', [255, 255, 255, 255]],
    ['IPv6 in full', '2001:db8:0:0:0:0:0:1', v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)],
    ['IPv6 with a gap', '2001:DB8::1', v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)],
    ['the loopback', '::1', v6(0, 0, 0, 0, 0, 0, 0, 1)],
    ['a gap at the end', '2001:db8::', v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0)],
    ['nothing but a gap', '::', v6(0, 0, 0, 0, 0, 0, 0, 0)],
    ['an IPv4-mapped address is its IPv4 address', '::ffff:192.0.2.1', [192, 0, 2, 1]],
    ['also in hexadecimal', '::FFFF:c000:201', [192, 0, 2, 1]],
    ['an IPv4 tail of another prefix', '64:ff9b::192.0.2.1', v6(0x64, 0xff9b, 0, 0, 0, 0, 0xc000, 0x201)],
    ['a zone does not count', 'fe80::1%eth0', v6(0xfe80, 0, 0, 0, 0, 0, 0, 1)],
    ['brackets do not count', '[192.0.2.1]', [192, 0, 2, 1]],
    ['an address literal of RFC 5321', '[IPv6:::1]', v6(0, 0, 0, 0, 0, 0, 0, 1)],
    ['the form of XCLIENT', 'IPV6:::1', v6(0, 0, 0, 0, 0, 0, 0, 1)],
    ['three numbers are none', '192.0.2', undefined],
    ['five numbers are none', '192.0.2.1.1', undefined],
    ['an octet is at most 255', '192.0.2.256', undefined],
    ['a leading zero might mean octal', '192.0.2.010', undefined],
    ['a sign is none', '192.0.2.-1', undefined],
    ['nothing is none', '', undefined],
    ['a name is none', 'mx.example.com', undefined],
    ['XCLIENT without an address', '[UNAVAILABLE]', undefined],
    ['two gaps are none', '1::2::3', undefined],
    ['three colons are none', ':::', undefined],
    ['nine groups are none', '1:2:3:4:5:6:7:8:9', undefined],
    ['seven groups are none', '1:2:3:4:5:6:7', undefined],
    ['a gap stands for at least one group', '1:2:3:4::5:6:7:8', undefined],
    ['a group has at most four digits', '12345::', undefined],
    ['a group is hexadecimal', 'g::', undefined],
    ['an IPv4 tail stands at the end alone', '192.0.2.1::', undefined],
    ['a malformed IPv4 tail is none', '::192.0.2', undefined],
    ['groups before the gap must be well formed', 'x::1', undefined],
    ['groups behind the gap must be well formed', '1::x', undefined],
  ];
  for (const [name, text, octets] of cases) it(name, () => assert.deepEqual(parseIpAddress(text), octets));

  it('every IPv4 address comes back as it is', () => {
    fc.assert(fc.property(fc.ipV4(), (text) => assert.equal(parseIpAddress(text)?.join('.'), text)));
  });

  it('every IPv6 address has its octets', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => assert.ok([4, 16].includes(parseIpAddress(text)?.length ?? 0), text)),
    );
  });

  it('takes any text without throwing', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseNetwork(text)));
  });
});

describe('a network is read in CIDR form', () => {
  const cases: readonly [text: string, prefixLength: number | undefined][] = [
    ['10.0.0.0/8', 8],
    [' 10.0.0.0/8 ', 8],
    ['192.0.2.1', 32],
    ['2001:db8::/32', 32],
    ['::1', 128],
    ['0.0.0.0/0', 0],
    ['10.0.0.0/33', undefined],
    ['2001:db8::/129', undefined],
    ['10.0.0.0/', undefined],
    ['10.0.0.0/x', undefined],
    ['10.0.0.0/8/8', undefined],
    ['10.0.0.0/-1', undefined],
    ['example.com/8', undefined],
    ['', undefined],
  ];
  for (const [text, prefixLength] of cases) {
    it(`${JSON.stringify(text)} → ${prefixLength ?? 'none'}`, () => {
      assert.equal(parseNetwork(text)?.prefixLength, prefixLength);
    });
  }
});

describe('a network holds the addresses that share its prefix', () => {
  const cases: readonly [network: string, address: string, inside: boolean][] = [
    ['10.0.0.0/8', '10.255.1.2', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3/8', '10.200.0.1', true],
    ['192.0.2.128/25', '192.0.2.200', true],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.0/31', '192.0.2.1', true],
    ['192.0.2.0/31', '192.0.2.2', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '192.0.2.1', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['127.0.0.0/8', '::ffff:127.0.0.1', true],
    ['10.0.0.0/8', 'unknown', false],
  ];
  for (const [text, address, inside] of cases) {
    it(`${text} ${inside ? 'holds' : 'does not hold'} ${address}`, () => {
      const network = parseNetwork(text);
      assert.ok(network);
      assert.equal(networkContains(network, address), inside);
    });
  }

  it('an address is in a list of networks when any holds it', () => {
    const networks = ['10.0.0.0/8', '::1'].flatMap((text) => parseNetwork(text) ?? []);
    assert.equal(isInNetworks('::1', networks), true);
    assert.equal(isInNetworks('10.1.1.1', networks), true);
    assert.equal(isInNetworks('192.0.2.1', networks), false);
    assert.equal(isInNetworks('10.1.1.1', []), false);
  });

  it('a shorter prefix holds all that a longer one holds', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.nat(32), fc.nat(32), (base, address, a, b) => {
        const wide = parseNetwork(`${base}/${Math.min(a, b)}`);
        const narrow = parseNetwork(`${base}/${Math.max(a, b)}`);
        assert.ok(wide && narrow);
        if (networkContains(narrow, address)) assert.ok(networkContains(wide, address));
      }),
    );
  });
});
