import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { dataBlock, openSender } from './smtp-sender.ts';

describe('the raw SMTP client', () => {
  let server: Server;
  let peer: Socket;
  let heard = Buffer.alloc(0);
  const address = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
  before(async () => {
    server = createServer((socket) => {
      peer = socket;
      socket.write('220-one\r\n220 two\r\n');
      socket.on('data', (chunk: Buffer) => {
        heard = Buffer.concat([heard, chunk]);
      });
      socket.on('error', () => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => server.close());

  it('hears replies of several lines, in pieces and several at once', async () => {
    const sender = await openSender(address());
    assert.equal(sender.banner, '220-one\r\n220 two');
    const first = sender.say('LHLO x');
    peer.write('250-a');
    await new Promise(setImmediate);
    peer.write('\r\n250-b\r\n250 c\r\n451 d\r\n250');
    assert.equal(await first, '250-a\r\n250-b\r\n250 c');
    assert.equal(await sender.reply(), '451 d');
    peer.write(' e\r\n');
    assert.equal(await sender.reply(), '250 e');
    peer.end('42');
    await assert.rejects(sender.reply(), /closed behind 42/);
    await sender.closed;
  });

  it('says octets as they are', async () => {
    const sender = await openSender(address());
    heard = Buffer.alloc(0);
    const octets = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));
    sender.write(octets);
    sender.write('\r\n.\n\u00ff');
    const wanted = Buffer.concat([octets, Buffer.from('\r\n.\n\u00ff', 'latin1')]);
    while (heard.length < wanted.length) await once(peer, 'data');
    assert.deepEqual(heard, wanted);
    sender.destroy();
    await sender.closed;
  });

  const BLOCKS: readonly (readonly [message: string, block: string])[] = [
    ['', '.\r\n'],
    ['x', 'x\r\n.\r\n'],
    ['.\r\n', '..\r\n.\r\n'],
    ['a\r\n.b\r\n..\r\n', 'a\r\n..b\r\n...\r\n.\r\n'],
    ['a\n.b\r\n', 'a\n.b\r\n.\r\n'],
    ['\u00fc\r\n', '\u00fc\r\n.\r\n'],
  ];
  for (const [message, block] of BLOCKS) {
    it(`${JSON.stringify(message)} is sent as ${JSON.stringify(block)}`, () => {
      assert.equal(dataBlock(Buffer.from(message)).toString(), block);
    });
  }
});
