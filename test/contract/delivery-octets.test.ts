import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Script } from '@tdc/stand-in';
import type { OutboundMessage } from '../../services/delivery/src/smtp/outbound-connection.ts';
import { inPieces, nameOf, open, opened, type Peer, send, startPeer, TEXT } from '../support/outbound.ts';
import { waitUntil } from '../support/wait-until.ts';

let peer: Peer;
before(async () => {
  peer = await startPeer();
});
after(() => peer.standIn.close());
beforeEach(() => {
  peer.standIn.script({});
  peer.standIn.clear();
});

describe('the octets of a copy', () => {
  const lines = (...all: string[]): Buffer => Buffer.from(`${all.join('\r\n')}\r\n`, 'latin1');
  const BODIES: readonly (readonly [name: string, octets: Buffer])[] = [
    ['dots at the beginnings of lines', lines('.', '..', '...', '.x', 'x.', '', '.', '')],
    ['what looks like the end of the message', lines('a', '.', 'MAIL FROM:<>', '.', 'QUIT')],
    ['a line of 200 000 octets', lines('x'.repeat(200_000), `.${'y'.repeat(2000)}`)],
    [
      'every octet that is no line end',
      lines(
        Array.from({ length: 256 }, (_, n) => (n === 10 || n === 13 ? '' : String.fromCharCode(n))).join(''),
      ),
    ],
    ['NUL and nothing else', lines('\0'.repeat(1000))],
    ['empty lines at the end', lines('text', '', '', '')],
    ['a line end alone', lines('')],
    [
      '5 MB of noise in lines',
      lines(
        ...Array.from({ length: 70_000 }, () =>
          randomBytes(75)
            .toString('latin1')
            .replace(/[\r\n]/g, '.'),
        ),
      ),
    ],
  ];
  for (const [name, octets] of BODIES) {
    it(`arrive as they are: ${name}`, async () => {
      const connection = await opened(open(peer));
      for (const hasBareNewlines of [true, false]) {
        for (const content of [inPieces(octets), octets])
          assert.equal(nameOf(await send(connection, octets, { content, hasBareNewlines })), 'delivered');
      }
      for (const n of [1, 2, 3, 4]) assert.equal(peer.standIn.octets(n)?.compare(octets), 0);
      connection.quit();
    });
  }

  it('arrive as they are in pieces of any size', async () => {
    const connection = await opened(open(peer));
    const octets = lines('.', '..a', 'b', '.');
    for (let size = 1; size <= octets.length; size += 1) {
      const content = inPieces(octets, size);
      assert.equal(nameOf(await send(connection, octets, { content })), 'delivered');
      assert.equal(peer.standIn.octets(size)?.compare(octets), 0);
    }
    connection.quit();
  });

  it('that cannot be read to the end are never followed by a final dot', async () => {
    const broken = new Error('the store is gone');
    async function* content(): AsyncGenerator<Uint8Array> {
      yield TEXT;
      throw broken;
    }
    const connection = await opened(open(peer));
    const result = await send(connection, TEXT, { content: content() });
    assert.deepEqual(result, { kind: 'content-failed', error: broken });
    assert.equal(connection.isUsable(), false);
    await waitUntil(() => peer.standIn.open === 0);
    assert.equal(peer.standIn.messages.length, 0);
  });
});

describe('what the peer offers', () => {
  const EIGHT_BIT = Buffer.from('Subject: x\r\n\r\nGr\u00fc\u00dfe\r\n');
  const PARAMETERS: readonly (readonly [
    name: string,
    script: Script,
    message: Partial<OutboundMessage> & { readonly octets?: Buffer },
    parameters: string,
  ])[] = [
    ['SIZE is told', {}, {}, `SIZE=${TEXT.length}`],
    ['8-bit octets are announced', {}, { octets: EIGHT_BIT }, `BODY=8BITMIME SIZE=${EIGHT_BIT.length}`],
    [
      'SMTPUTF8 is asked for where it is wanted, though no address needs it',
      {},
      { smtpUtf8: 'wanted' },
      `SIZE=${TEXT.length} SMTPUTF8`,
    ],
    [
      'SMTPUTF8 is asked for once where an address needs it',
      {},
      { smtpUtf8: 'needed', sender: 'j\u00f6rg@example.org' },
      `SMTPUTF8 SIZE=${TEXT.length}`,
    ],
    [
      'a space within quotes is part of an address',
      {},
      { sender: '"a b"@example.org' },
      `SIZE=${TEXT.length}`,
    ],
    ['SIZE is not told to a peer without it', { without: ['SIZE'] }, {}, ''],
    [
      'SMTPUTF8 is not asked of a peer without it',
      { without: ['SMTPUTF8', 'SIZE'] },
      { smtpUtf8: 'wanted' },
      '',
    ],
  ];
  for (const [name, script, { octets = TEXT, ...changes }, parameters] of PARAMETERS) {
    it(`is used: ${name}`, async () => {
      const connection = await opened(open(peer, script));
      assert.equal(nameOf(await send(connection, octets, changes)), 'delivered');
      assert.equal(peer.standIn.messages[0]?.mailParameters, parameters);
      assert.equal(peer.standIn.messages[0]?.mailFrom, changes.sender ?? '');
      connection.quit();
    });
  }

  const LACKING: readonly (readonly [
    name: string,
    script: Script,
    changes: Partial<OutboundMessage>,
    failure: string,
  ])[] = [
    ['8BITMIME', { without: ['8BITMIME'] }, { eightBit: true }, 'unconveyable/eight-bit'],
    ['SMTPUTF8', { without: ['SMTPUTF8'] }, { smtpUtf8: 'needed' }, 'unconveyable/smtputf8'],
    ['room', { maxSizeBytes: 10 }, {}, 'unconveyable/size'],
    [
      'nothing, but no command can carry the address',
      {},
      { recipient: '"a>b"@x.example' },
      'unconveyable/address',
    ],
    ...['a\r\nRSET@x.example', 'a\nb@x.example', 'a<b@x.example', 'a@x.example SIZE=1', 'a\0@x.example'].map(
      (sender) =>
        [
          `nothing, but ${JSON.stringify(sender)} is no address`,
          {},
          { sender },
          'unconveyable/address',
        ] as const,
    ),
    ['nothing, but there is no address', {}, { recipient: '' }, 'unconveyable/address'],
  ];
  for (const [name, script, changes, failure] of LACKING) {
    it(`lacking ${name}: the copy is ${failure}, nothing is said, and the connection stays`, async () => {
      const connection = await opened(open(peer, script));
      assert.equal(nameOf(await send(connection, TEXT, changes)), failure);
      assert.ok(!peer.standIn.connections[0]?.verbs.includes('MAIL'));
      assert.equal(connection.isUsable(), true);
      connection.quit();
    });
  }
});
