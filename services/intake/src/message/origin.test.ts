import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Network, parseHeaderFields, parseNetwork } from '@tdc/core';
import type { Peer } from '../ports.ts';
import { type Origin, originOf } from './origin.ts';

const TRUSTED: readonly Network[] = ['127.0.0.0/8', '10.0.0.0/8'].flatMap((text) => parseNetwork(text) ?? []);
const GATEWAY: Peer = { address: '10.0.0.1', trusted: true, forwardedAddress: undefined, login: false };
const STRANGER: Peer = { ...GATEWAY, address: '198.51.100.7', trusted: false };

const hop = (address: string, protocol = 'ESMTP'): string =>
  `Received: from helo (host [${address}]) by gw.example.com (Postfix) with ${protocol} id 1;\r\n\tFri, 16 Feb 2024 21:19:22 +0000\r\n`;
const FILTER =
  'Received: by gw.example.com (Postfix, from userid 115) id 2; Fri, 16 Feb 2024 21:19:22 +0000\r\n';

interface Case {
  readonly name: string;
  readonly peer?: Partial<Peer>;
  readonly header?: string;
  readonly origin: Origin;
}

const originFor = (peer: Peer, header = ''): Origin =>
  originOf(peer, parseHeaderFields(Buffer.from(`${header}\r\n`)).fields, TRUSTED);

describe('a trusted peer', () => {
  const CASES: readonly Case[] = [
    { name: 'that tells nothing leaves the client unknown', origin: { authenticated: false } },
    {
      name: 'forwards the address of its client',
      peer: { forwardedAddress: '203.0.113.9' },
      header: hop('203.0.113.10'),
      origin: { clientAddress: '203.0.113.9', authenticated: false },
    },
    {
      name: 'forwards an IPv4 address in IPv6 clothes',
      peer: { forwardedAddress: '::ffff:203.0.113.9' },
      origin: { clientAddress: '203.0.113.9', authenticated: false },
    },
    {
      name: 'forwards the login of its client',
      peer: { forwardedAddress: '203.0.113.9', login: true },
      origin: { clientAddress: '203.0.113.9', authenticated: true },
    },
    {
      name: 'gives the client in its Received field',
      header: hop('203.0.113.9') + hop('198.51.100.1', 'ESMTPSA'),
      origin: { clientAddress: '203.0.113.9', authenticated: false },
    },
    {
      name: 'is followed from one trusted hop to the next',
      header:
        hop('127.0.0.1') + FILTER + hop('10.1.2.3') + hop('203.0.113.9', 'ESMTPSA') + hop('198.51.100.1'),
      origin: { clientAddress: '203.0.113.9', authenticated: true },
    },
    {
      name: 'that only ever names trusted hops leaves the client unknown',
      header: hop('127.0.0.1') + hop('10.1.2.3'),
      origin: { authenticated: false },
    },
    {
      name: 'is not followed beyond a field that cannot be read',
      header: `${hop('127.0.0.1')}Received: nonsense\r\n${hop('203.0.113.9', 'ESMTPA')}`,
      origin: { authenticated: false },
    },
    {
      name: 'is not followed beyond a hop that names no address',
      header: `Received: from helo by gw with ESMTP id 1; x\r\n${hop('203.0.113.9', 'ESMTPA')}`,
      origin: { authenticated: false },
    },
    {
      name: 'is not fooled by what the client wrote below',
      header: hop('203.0.113.9') + hop('127.0.0.1') + hop('198.51.100.1', 'ESMTPA'),
      origin: { clientAddress: '203.0.113.9', authenticated: false },
    },
  ];
  for (const { name, peer = {}, header, origin } of CASES)
    it(name, () => assert.deepEqual(originFor({ ...GATEWAY, ...peer }, header), origin));
});

describe('a peer that is not trusted', () => {
  it('is the client itself, whatever it says', () => {
    const peer = { ...STRANGER, forwardedAddress: '203.0.113.9', login: true };
    assert.deepEqual(originFor(peer, hop('203.0.113.10', 'ESMTPSA')), {
      clientAddress: '198.51.100.7',
      authenticated: false,
    });
  });
});
