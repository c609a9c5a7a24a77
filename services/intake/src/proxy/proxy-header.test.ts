import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ProxyHeader, parseProxyHeader } from './proxy-header.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const line = (text: string): Buffer => Buffer.from(text, 'latin1');

const reasonOf = (header: ProxyHeader): string => (header.kind === 'invalid' ? header.reason : header.kind);
const clientOf = (octets: Buffer): string | undefined => {
  const header = parseProxyHeader(octets);
  assert.equal(header.kind, 'header', JSON.stringify(header));
  if (header.kind !== 'header') return undefined;
  assert.equal(header.length, octets.length);
  return header.client && `${header.client.address} ${header.client.port}`;
};

/** A header of version 2. */
function binary(command: number, family: number, block: Buffer): Buffer {
  const head = hex(`${SIGNATURE} 0000 0000`);
  head.writeUInt8(command, 12);
  head.writeUInt8(family, 13);
  head.writeUInt16BE(block.length, 14);
  return Buffer.concat([head, block]);
}

const IPV4_BLOCK = hex('cb007109 0a000001 dd62 0019');
const IPV6_BLOCK = hex('20010db8 00000000 00000000 00000007 20010db8 00000000 00000000 00000001 dd62 0019');
/** PP2_TYPE_AUTHORITY, then PP2_TYPE_CRC32C, which is wrong and not looked at. */
const TLVS = hex('02 0003 613a62 03 0004 00000000');

describe('version 1', () => {
  for (const [text, client] of [
    ['PROXY TCP4 203.0.113.9 10.0.0.1 56674 25\r\n', '203.0.113.9 56674'],
    ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', '255.255.255.255 65535'],
    ['PROXY TCP4 203.0.113.9 10.0.0.1 0 0\r\n', '203.0.113.9 0'],
    ['PROXY TCP6 2001:db8::7 2001:db8::1 56674 25\r\n', '2001:db8::7 56674'],
    ['PROXY TCP6 ::ffff:203.0.113.9 ::1 1 2\r\n', '::ffff:203.0.113.9 1'],
    ['PROXY UNKNOWN\r\n', undefined],
    [`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`, undefined],
  ] as const) {
    it(`${text.slice(0, 60).trim()} is ${client}`, () => {
      assert.equal(clientOf(line(text)), client);
    });
  }

  for (const text of [
    'PROXY TCP4 203.0.113.9 10.0.0.1 56674 25\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 56674 25\rX\n',
    'PROXY TCP4 203.0.113.9  10.0.0.1 56674 25\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 56674 25 \r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 056674 25\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 65536 25\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 -1 25\r\n',
    'PROXY TCP4 203.0.113.256 10.0.0.1 1 25\r\n',
    'PROXY TCP4 2001:db8::7 2001:db8::1 1 25\r\n',
    'PROXY TCP6 203.0.113.9 10.0.0.1 1 25\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 1 25\r\n',
    'PROXY TCP4 gateway.example 10.0.0.1 1 25\r\n',
    'PROXY TCP4\r\n',
    'PROXY UDP4 203.0.113.9 10.0.0.1 1 25\r\n',
    'PROXY UNKNOWNS\r\n',
    'PROXY \r\n',
    `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`,
    `PROXY ${'f'.repeat(101)}`,
  ]) {
    it(`${JSON.stringify(text.slice(0, 60))} is malformed`, () => {
      assert.equal(reasonOf(parseProxyHeader(line(text))), 'malformed');
    });
  }
});

describe('version 2', () => {
  const CLIENT4 = '203.0.113.9 56674';
  for (const [name, octets, client] of [
    ['IPv4', binary(0x21, 0x11, IPV4_BLOCK), CLIENT4],
    ['IPv4 with TLVs', binary(0x21, 0x11, Buffer.concat([IPV4_BLOCK, TLVS])), CLIENT4],
    ['the longest', binary(0x21, 0x11, Buffer.concat([IPV4_BLOCK, Buffer.alloc(4084)])), CLIENT4],
    ['IPv6', binary(0x21, 0x21, IPV6_BLOCK), '2001:db8:0:0:0:0:0:7 56674'],
    ['a local socket', binary(0x21, 0x31, Buffer.alloc(216)), undefined],
    ['no family', binary(0x21, 0x00, TLVS), undefined],
    ['LOCAL', binary(0x20, 0x00, Buffer.alloc(0)), undefined],
    ['LOCAL with a family and addresses, which do not count', binary(0x20, 0x11, IPV4_BLOCK), undefined],
    ['LOCAL with a family that there is not', binary(0x20, 0xff, TLVS), undefined],
  ] as const) {
    it(name, () => assert.equal(clientOf(octets), client));
  }

  for (const [name, octets] of [
    ['version 1 in binary', binary(0x11, 0x11, IPV4_BLOCK)],
    ['a third command', binary(0x22, 0x11, IPV4_BLOCK)],
    ['UDP', binary(0x21, 0x12, IPV4_BLOCK)],
    ['a family that there is not', binary(0x21, 0x41, IPV4_BLOCK)],
    ['too few octets for IPv4', binary(0x21, 0x11, IPV4_BLOCK.subarray(1))],
    ['too few octets for IPv6', binary(0x21, 0x21, IPV6_BLOCK.subarray(1))],
    ['longer than any use of it', binary(0x21, 0x11, Buffer.alloc(4097))],
  ] as const) {
    it(`${name} is malformed`, () => {
      assert.equal(reasonOf(parseProxyHeader(octets)), 'malformed');
    });
  }

  it('what cannot become valid is refused before it is all there', () => {
    const long = binary(0x21, 0x11, Buffer.alloc(65_535));
    assert.equal(reasonOf(parseProxyHeader(long.subarray(0, 16))), 'malformed');
  });
});

describe('any octets', () => {
  const header = fc.oneof(
    fc
      .tuple(fc.ipV4(), fc.ipV4(), fc.nat(65_535), fc.nat(65_535))
      .map(([from, to, port, toPort]) => line(`PROXY TCP4 ${from} ${to} ${port} ${toPort}\r\n`)),
    fc.ipV6().map((address) => line(`PROXY TCP6 ${address} ::1 1 2\r\n`)),
    fc.uint8Array({ maxLength: 300 }).map((tlvs) => binary(0x21, 0x21, Buffer.concat([IPV6_BLOCK, tlvs]))),
    fc.uint8Array({ maxLength: 300 }).map((block) => binary(0x20, 0x00, Buffer.from(block))),
  );

  it('a header is incomplete at every length but its own, and nothing behind it changes what it is', () => {
    fc.assert(
      fc.property(header, fc.uint8Array(), (octets, behind) => {
        for (let length = 0; length < octets.length; length += 1)
          assert.equal(parseProxyHeader(octets.subarray(0, length)).kind, 'incomplete');
        const whole = parseProxyHeader(octets);
        assert.equal(whole.kind, 'header');
        assert.deepEqual(parseProxyHeader(Buffer.concat([octets, behind])), whole);
      }),
    );
  });

  it('what does not begin as a header does is told at the first octet that differs', () => {
    for (const text of ['EHLO a\r\n', 'PROXX', 'proxy ', '\n', '\r\n\r\n\0\r\nQUIX', '\x16\x03\x01'])
      assert.equal(reasonOf(parseProxyHeader(line(text))), 'missing', JSON.stringify(text));
  });

  it('are read without fault, and a header is never longer than what there is', () => {
    const begun = fc
      .tuple(fc.constantFrom(line(''), line('PROXY '), line('PROXY TCP4 '), hex(SIGNATURE)), fc.uint8Array())
      .map(([prefix, octets]) => Buffer.concat([prefix, octets]));
    fc.assert(
      fc.property(begun, (octets) => {
        const read = parseProxyHeader(octets);
        if (read.kind === 'header') assert.ok(read.length <= octets.length);
        if (read.kind === 'incomplete') assert.ok(octets.length < 4112);
      }),
    );
  });
});
