import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CopyRoute } from '@tdc/core';
import { type DnsName, type DnsServer, startDnsServer } from '../../../../test/support/dns-server.ts';
import { createResolveDestination, type ResolveDestination } from './resolve-destination.ts';

const NAMES: Readonly<Record<string, DnsName>> = {
  'two.example': {
    mx: [
      { exchange: 'b.example', preference: 20 },
      { exchange: 'a.example', preference: 10 },
    ],
  },
  'equal.example': {
    mx: [
      { exchange: 'a.example', preference: 10 },
      { exchange: 'b.example', preference: 10 },
    ],
  },
  'a.example': { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] },
  'b.example': { a: ['192.0.2.2'] },
  'six.example': { mx: [{ exchange: 'v6.example', preference: 10 }] },
  'v6.example': { aaaa: ['2001:db8::6'] },
  'implicit.example': { a: ['192.0.2.9'] },
  'null.example': { mx: [{ exchange: '', preference: 0 }] },
  'nothing.example': {},
  'dangling.example': { mx: [{ exchange: 'gone.example', preference: 10 }] },
  'halting.example': { mx: [{ exchange: 'sick.example', preference: 10 }] },
  'sick.example': { fail: 'SERVFAIL' },
  'half.example': {
    mx: [
      { exchange: 'gone.example', preference: 10 },
      { exchange: 'b.example', preference: 20 },
    ],
  },
  'mute.example': {
    mx: [
      { exchange: 'sick.example', preference: 10 },
      { exchange: 'b.example', preference: 20 },
    ],
  },
  'refusing.example': { fail: 'REFUSED' },
  'silent.example': { fail: 'silence' },
};

describe('where copies go', () => {
  let server: DnsServer;
  let resolve: ResolveDestination;
  let now = 0;
  before(async () => {
    server = await startDnsServer(NAMES);
    const [host = '', port = ''] = server.address.split(':');
    resolve = createResolveDestination({
      servers: [{ host, port: Number(port) }],
      random: Math.random,
      now: () => now,
    });
  });
  after(() => server.close());

  const route = (domain: string, host?: string): CopyRoute => ({
    intake: 'primary',
    address: `journal@${domain}`,
    ...(host === undefined ? {} : { host }),
    port: 25,
    format: 'journal',
    envelopeSender: '',
    remoteIpHeader: 'X-IP',
  });

  const FOUND: readonly (readonly [
    name: string,
    domain: string,
    host: string | undefined,
    addresses: readonly string[],
  ])[] = [
    [
      'MX hosts by preference, IPv4 and IPv6 both',
      'two.example',
      undefined,
      ['192.0.2.1', '2001:db8::1', '192.0.2.2'],
    ],
    ['IPv6 alone', 'six.example', undefined, ['2001:db8::6']],
    ['the domain itself when it has no MX', 'implicit.example', undefined, ['192.0.2.9']],
    ['an address literal', '[192.0.2.7]', undefined, ['192.0.2.7']],
    ['the host that the intake names', 'nothing.example', 'b.example', ['192.0.2.2']],
    ['the address that the intake names', 'nothing.example', '192.0.2.8', ['192.0.2.8']],
    ['the IPv6 address that the intake names', 'nothing.example', '2001:db8::8', ['2001:db8::8']],
    ['this machine', 'nothing.example', 'localhost', ['127.0.0.1']],
    ['an IPv6 address literal', '[IPv6:2001:db8::7]', undefined, ['2001:db8::7']],
    ['an MX host although another has no address', 'half.example', undefined, ['192.0.2.2']],
    ['an MX host although the name server is silent about another', 'mute.example', undefined, ['192.0.2.2']],
  ];
  for (const [name, domain, host, addresses] of FOUND) {
    it(`to ${name}`, async () => {
      const resolution = await resolve(route(domain, host));
      assert.equal(resolution.kind, 'resolved');
      const found = resolution.kind === 'resolved' ? resolution.candidates.map(({ address }) => address) : [];
      assert.deepEqual(found.toSorted(), addresses.toSorted());
      assert.equal(found.at(-1), addresses.at(-1));
    });
  }

  it('are checked against the name of the MX host', async () => {
    const resolution = await resolve(route('six.example'));
    assert.equal(resolution.kind === 'resolved' ? resolution.candidates[0]?.hostName : '', 'v6.example');
  });

  it('are checked against the address where the intake names no host', async () => {
    for (const [domain, name] of [
      ['[192.0.2.7]', '192.0.2.7'],
      ['[IPv6:2001:db8::7]', '2001:db8::7'],
    ] as const) {
      const resolution = await resolve(route(domain));
      assert.equal(resolution.kind === 'resolved' ? resolution.candidates[0]?.hostName : '', name);
    }
  });

  it('nowhere: a host that the intake names is named in the failure', async () => {
    const resolution = await resolve(route('two.example', 'gone.example'));
    assert.deepEqual(resolution, {
      kind: 'failed',
      failure: { kind: 'dns', domain: 'gone.example', record: 'A', code: 'NXDomain' },
    });
  });

  it('are asked for once by connections that are opened together', async () => {
    server.set('together.example', { mx: [{ exchange: 'b.example', preference: 10 }] });
    const all = await Promise.all(Array.from({ length: 10 }, () => resolve(route('together.example'))));
    assert.ok(all.every(({ kind }) => kind === 'resolved'));
    assert.equal(server.queries.filter((query) => query === 'MX together.example').length, 1);
  });

  it('hosts of equal cost come in any order', async () => {
    const firsts = new Set<string>();
    for (let n = 0; n < 100; n += 1) {
      const resolution = await resolve(route('equal.example'));
      if (resolution.kind === 'resolved') firsts.add(resolution.candidates[0]?.hostName ?? '');
    }
    assert.deepEqual([...firsts].sort(), ['a.example', 'b.example']);
  });

  const FAILED: readonly (readonly [domain: string, record: string, code: string])[] = [
    ['unknown.example', 'MX', 'NXDomain'],
    ['null.example', 'MX', 'NullMX'],
    ['nothing.example', 'A', 'NoAddress'],
    ['dangling.example', 'A', 'NoAddress'],
    ['halting.example', 'A', 'ServFail'],
    ['sick.example', 'MX', 'ServFail'],
    ['refusing.example', 'MX', 'Refused'],
    ['silent.example', 'MX', 'Timeout'],
    [`${'x'.repeat(64)}.example`, 'MX', 'NXDomain'],
  ];
  for (const [domain, record, code] of FAILED) {
    it(`nowhere: ${domain} is ${code}`, async () => {
      const resolution = await resolve(route(domain));
      assert.deepEqual(resolution, { kind: 'failed', failure: { kind: 'dns', domain, record, code } });
    });
  }

  it('is remembered for half a minute, a failure not at all', async () => {
    const asked = (domain: string) => server.queries.filter((query) => query === `MX ${domain}`).length;
    server.set('changing.example', { fail: 'SERVFAIL' });
    await resolve(route('changing.example'));
    server.set('changing.example', { mx: [{ exchange: 'b.example', preference: 10 }] });
    assert.equal((await resolve(route('changing.example'))).kind, 'resolved');
    const before = asked('changing.example');
    await resolve(route('changing.example'));
    assert.equal(asked('changing.example'), before);
    now += 30_001;
    server.set('changing.example', { fail: 'SERVFAIL' });
    assert.equal(
      (await resolve(route('changing.example'))).kind,
      'failed',
      'an old answer is not served behind an error',
    );
  });
});
