import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { Script } from '@tdc/stand-in';
import { openConnection } from '../../services/delivery/src/smtp/open-connection.ts';
import type { OpenOptions } from '../../services/delivery/src/smtp/outbound-connection.ts';
import {
  endsSeen,
  NEVER,
  nameOfFailure,
  open,
  opened,
  openOptions,
  type Peer,
  startPeer,
} from '../support/outbound.ts';
import { waitUntil } from '../support/wait-until.ts';

let peer: Peer;
before(async () => {
  peer = await startPeer();
});
after(() => peer.standIn.close());

const QUICK: Partial<OpenOptions> = { connectMs: 300, tlsMs: 300, replyMs: 300 };

/** Every way in which a connection can fail to come about, and what the failure is (spec §5). */
const FAILURES: readonly (readonly [situation: string, script: Script, failure: string])[] = [
  ['STARTTLS is not offered, and answered 502', { tls: 'none' }, 'tls/not-offered'],
  ['STARTTLS is answered 500', { steps: { starttls: [{ reply: '500 5.5.2 What' }] } }, 'tls/not-offered'],
  ['STARTTLS is answered 454', { tls: 'refuse' }, 'tls/refused'],
  ['STARTTLS is answered 421', { steps: { starttls: [{ replyAndClose: '421 4.7.0 Bye' }] } }, 'tls/refused'],
  ['STARTTLS is not answered', { steps: { starttls: [{ end: 'stall' }] } }, 'tls/timeout'],
  ['STARTTLS ends the connection', { steps: { starttls: [{ end: 'close' }] } }, 'tls/handshake'],
  ['STARTTLS resets the connection', { steps: { starttls: [{ end: 'reset' }] } }, 'tls/handshake'],
  ['the certificate is self-signed', { certificate: 'self-signed' }, 'tls/certificate'],
  ['the certificate has expired', { certificate: 'expired' }, 'tls/certificate'],
  ['the certificate is for another name', { certificate: 'wrong-name' }, 'tls/certificate'],
  ['no protocol is in common', { tls: 'old' }, 'tls/protocol'],
  ['garbage comes for a handshake', { tls: 'garbage' }, 'tls/protocol'],
  ['a certificate of ours is demanded', { tls: 'client-certificate' }, 'tls/protocol'],
  ['the handshake is reset', { tls: 'reset' }, 'tls/handshake'],
  ['the handshake hangs', { tls: 'hang' }, 'tls/timeout'],
  ['no banner comes', { steps: { banner: [{ end: 'stall' }] } }, 'network/timeout'],
  ['the connection closes before the banner', { steps: { banner: [{ end: 'close' }] } }, 'network/closed'],
  ['the connection is reset before the banner', { steps: { banner: [{ end: 'reset' }] } }, 'network/reset'],
  ['the banner is 554', { steps: { banner: [{ replyAndClose: '554 5.3.2 No' }] } }, 'smtp-reply/banner/554'],
  [
    'the banner is 421',
    { steps: { banner: [{ replyAndClose: '421 4.7.0 Busy' }] } },
    'smtp-reply/banner/421',
  ],
  ['EHLO is answered 550', { steps: { ehlo: [{ reply: '550 5.7.1 No' }] } }, 'smtp-reply/ehlo/550'],
  ['EHLO is answered 421', { steps: { ehlo: [{ replyAndClose: '421 4.3.2 Bye' }] } }, 'smtp-reply/ehlo/421'],
  ['EHLO is not answered', { steps: { ehlo: [{ end: 'stall' }] } }, 'network/timeout'],
  ['EHLO ends the connection', { steps: { ehlo: [{ end: 'close' }] } }, 'network/closed'],
  [
    'EHLO behind TLS is answered 451',
    { steps: { ehlo: [{ delayMs: 0 }, { reply: '451 4.3.0 Later' }] } },
    'smtp-reply/ehlo/451',
  ],
  [
    'EHLO behind TLS ends the connection',
    { steps: { ehlo: [{ delayMs: 0 }, { end: 'close' }] } },
    'network/closed',
  ],
];

describe('a connection that does not come about', () => {
  for (const [situation, script, failure] of FAILURES) {
    it(`because ${situation} is ${failure}, and nothing of a copy was said`, async () => {
      peer.standIn.clear();
      const ends = endsSeen();
      const result = await open(peer, script, { ...QUICK, onConnected: ends.onConnected });
      assert.equal(result.kind === 'failed' ? nameOfFailure(result.failure) : 'open', failure);
      // A reset may arrive before the connection is seen to stand.
      if (failure !== 'network/reset') assert.equal(ends.seen[0]?.peerAddress, '127.0.0.1');
      assert.equal(result.kind === 'failed' ? result.ends : undefined, ends.seen[0]);
      await waitUntil(() => peer.standIn.connections.every(({ closedAt }) => closedAt !== null));
      assert.ok(!peer.standIn.connections.some(({ verbs }) => verbs.includes('MAIL')));
    });
  }

  for (const tls of ['old', 'garbage', 'client-certificate'] as const) {
    it(`tells in a few words what TLS found: ${tls}`, async () => {
      const { failure } = (await open(peer, { tls }, QUICK)) as {
        readonly failure?: { readonly detail?: string };
      };
      assert.match(failure?.detail ?? '', /^[a-z][\w /]* \(SSL routines\)$/);
    });
  }

  it('because nobody listens is network/refused', async () => {
    const result = await open(peer, {}, { port: 1 });
    assert.equal(result.kind === 'failed' ? nameOfFailure(result.failure) : 'open', 'network/refused');
    assert.equal(result.kind === 'failed' ? result.ends : 'open', undefined);
  });

  it('because nobody needs it any more fails at once, and is closed', async () => {
    const over = new AbortController();
    peer.standIn.clear();
    const attempt = open(peer, { steps: { banner: [{ end: 'stall' }] } }, {}, over.signal);
    await waitUntil(() => peer.standIn.open === 1);
    over.abort();
    assert.equal((await attempt).kind, 'failed');
    await waitUntil(() => peer.standIn.open === 0);
    assert.equal((await open(peer, {}, {}, over.signal)).kind, 'failed');
    assert.equal(peer.standIn.connections.length, 1);
  });
});

describe('a peer that drips octets without end', () => {
  for (const [phase, before, failure] of [
    ['for a banner', [], 'network/timeout'],
    ['for an answer to EHLO', ['220 mx ESMTP\r\n'], 'network/timeout'],
    ['for an answer to STARTTLS', ['220 mx ESMTP\r\n', '250-mx\r\n250 STARTTLS\r\n'], 'tls/timeout'],
    [
      'for a handshake',
      ['220 mx ESMTP\r\n', '250-mx\r\n250 STARTTLS\r\n', '220 Go\r\n', '\x16\x03\x03\x40\x00'],
      'tls/timeout',
    ],
  ] as const) {
    it(`${phase} is ${failure}`, async () => {
      const drips: NodeJS.Timeout[] = [];
      const sockets: Socket[] = [];
      const server = createServer((socket) => {
        sockets.push(socket.on('error', () => socket.destroy()));
        const lines = [...before];
        const next = (): void => {
          const line = lines.shift();
          if (line !== undefined) socket.write(line, 'latin1');
          if (lines.length === 0) drips.push(setInterval(() => socket.write('2'), 20));
        };
        next();
        if (before.length > 0) socket.on('data', next);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const { port } = server.address() as AddressInfo;
        const result = await openConnection(openOptions(peer, { ...QUICK, port }), NEVER);
        assert.equal(result.kind === 'failed' ? nameOfFailure(result.failure) : 'open', failure);
      } finally {
        drips.forEach(clearInterval);
        for (const socket of sockets) socket.destroy();
        server.close();
      }
    });
  }
});

describe('a connection is secured', () => {
  const SECURED: readonly (readonly [
    rule: string,
    script: Script,
    changes: (own: string) => Partial<OpenOptions>,
    protocol: string,
    cipher: RegExp,
  ])[] = [
    ['by TLS 1.3 where both can', {}, () => ({}), 'TLSv1.3', /^TLS_/],
    [
      'by TLS 1.2 where the intake pins it, with the name that OpenSSL gives the cipher',
      { certificate: 'rsa' },
      (ca) => ({ tls: { verify: true, maxVersion: 'TLSv1.2', ca } }),
      'TLSv1.2',
      /^ECDHE-RSA-AES\d+-GCM-SHA\d+$/,
    ],
    [
      'by TLS 1.2 where the peer has no other',
      { maxTlsVersion: 'TLSv1.2' },
      () => ({}),
      'TLSv1.2',
      /^ECDHE-/,
    ],
    [
      'under the name that the intake gives in place of the MX host',
      { certificate: 'wrong-name' },
      (ca) => ({ tls: { verify: true, maxVersion: 'TLSv1.3', ca, serverName: 'other.example' } }),
      'TLSv1.3',
      /^TLS_/,
    ],
    [
      'under an address where the intake names no host',
      { certificate: 'address' },
      () => ({ hostName: '127.0.0.1' }),
      'TLSv1.3',
      /^TLS_/,
    ],
    [
      'with any certificate where the intake does not verify',
      { certificate: 'self-signed' },
      () => ({ tls: { verify: false, maxVersion: 'TLSv1.3' } }),
      'TLSv1.3',
      /^TLS_/,
    ],
  ];
  for (const [rule, script, changes, protocol, cipher] of SECURED) {
    it(rule, async () => {
      const connection = await opened(open(peer, script, changes(peer.authority.cert)));
      assert.equal(connection.protocol, protocol);
      assert.match(connection.cipher, cipher);
      assert.deepEqual(connection.ends, {
        localAddress: '127.0.0.1',
        peerAddress: '127.0.0.1',
        port: peer.standIn.port,
      });
      connection.quit();
      await waitUntil(() => peer.standIn.open === 0);
    });
  }

  it('by the public authorities and its own CA alone', async () => {
    const result = await open(peer, {}, { tls: { verify: true, maxVersion: 'TLSv1.3' } });
    assert.equal(result.kind === 'failed' ? nameOfFailure(result.failure) : 'open', 'tls/certificate');
  });

  it('behind EHLO, STARTTLS and EHLO again', async () => {
    peer.standIn.clear();
    const connection = await opened(open(peer));
    const [seen] = peer.standIn.connections;
    assert.deepEqual(seen?.verbs, ['EHLO', 'STARTTLS', 'EHLO']);
    connection.quit();
    await waitUntil(() => seen?.closedAt !== null);
    assert.equal(seen?.verbs.at(-1), 'QUIT');
  });
});
