import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CopyRoute, type PolicySnapshot, parsePolicyDocument } from '@tdc/core';
import { createCarriages, isSameTls } from './carriage.ts';

const snapshot = (intakes: Readonly<Record<string, unknown>>): PolicySnapshot => {
  const parsed = parsePolicyDocument({ version: 1, intakes });
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.problems));
  return { revision: 1, sha256: '', document: parsed.document };
};
const route = (intake: string, format: CopyRoute['format'] = 'journal'): CopyRoute => ({
  intake,
  address: 'journal@setd.example',
  port: 25,
  format,
  envelopeSender: '',
  remoteIpHeader: 'X-IP',
});
const ADDRESS = { address: 'journal@setd.example' };

describe('how copies are carried', () => {
  it('is what the newest revision says of their intake', () => {
    const carriages = createCarriages();
    carriages.update(snapshot({ primary: { ...ADDRESS, limits: { connections: 7 } } }));
    carriages.update(
      snapshot({ primary: { ...ADDRESS, limits: { connections: 9 }, tls: { verify: false } } }),
    );
    const { tls, limits } = carriages.of(route('primary'));
    assert.deepEqual([tls.verify, limits.connections], [false, 9]);
  });

  it('to an intake that an edit removed is what was said of it last', () => {
    const carriages = createCarriages();
    carriages.update(snapshot({ primary: { ...ADDRESS, limits: { connections: 7 } } }));
    carriages.update(snapshot({ other: ADDRESS }));
    assert.equal(carriages.of(route('primary')).limits.connections, 7);
  });

  it('to an intake that nothing is known of is strict and modest', () => {
    const carriages = createCarriages();
    for (const [format, messagesPerConnection] of [
      ['journal', 50],
      ['bcc', 10],
    ] as const) {
      assert.deepEqual(carriages.of(route('unknown', format)), {
        tls: { verify: true, maxVersion: 'TLSv1.3' },
        limits: { connections: 3, messagesPerConnection },
      });
    }
  });

  it('is remembered of a thousand intakes, those of the newest revision among them', () => {
    const carriages = createCarriages();
    const limits = { connections: 7 };
    for (let n = 0; n < 1100; n += 1)
      carriages.update(snapshot({ [`intake-${n}`]: { ...ADDRESS, limits }, kept: { ...ADDRESS, limits } }));
    const known = (alias: string): boolean => carriages.of(route(alias)).limits.connections === 7;
    assert.deepEqual(
      [known('kept'), known('intake-1099'), known('intake-200'), known('intake-50')],
      [true, true, true, false],
    );
  });
});

describe('TLS settings', () => {
  const tls = { verify: true, maxVersion: 'TLSv1.3' } as const;
  for (const [name, changed] of [
    ['verification', { ...tls, verify: false }],
    ['the authority', { ...tls, ca: 'PEM' }],
    ['the name', { ...tls, serverName: 'mx.example' }],
    ['the version', { ...tls, maxVersion: 'TLSv1.2' as const }],
  ] as const) {
    it(`are others when ${name} is another`, () => assert.equal(isSameTls(tls, changed), false));
  }

  it('are the same in another revision', () => assert.equal(isSameTls(tls, { ...tls }), true));
});
