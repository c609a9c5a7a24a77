import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { createSecureContext, TLSSocket } from 'node:tls';
import { createAuthority } from '@tdc/stand-in';
import { type Submission, submit, toDataBlock } from './smtp-client.ts';

let closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers) close();
  closers = [];
});

/** Listens for one connection at a time and hands it over. */
async function serve(talk: (socket: Socket) => void): Promise<Submission> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    talk(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    server: { host: '127.0.0.1', port },
    sender: 'a@example.org',
    recipients: ['joe@example.com', 'ann@example.com'],
    message: Buffer.from('Subject: x\n\ntext\n'),
    timeoutSeconds: 5,
  };
}

/** Calls back with each line, and with the whole data block once DATA was answered with 354. */
function onLines(socket: Socket, reply: (line: string) => string | undefined): void {
  let heard = '';
  let inData = false;
  socket.on('data', (chunk) => {
    heard += chunk.toString('utf8');
    for (;;) {
      const end = inData ? '\r\n.\r\n' : '\r\n';
      const at = heard.indexOf(end);
      if (at < 0) return;
      const line = heard.slice(0, at);
      heard = heard.slice(at + end.length);
      const answer = reply(line);
      inData = answer?.startsWith('354') ?? false;
      if (answer !== undefined) socket.write(`${answer}\r\n`);
    }
  });
}

/** A server that answers each verb by this table, else 250; what it heard goes to `heard`. */
async function scripted(
  replies: Readonly<Record<string, string>> = {},
  heard: string[] = [],
): Promise<Submission> {
  return serve((socket) => {
    socket.write(`${replies['banner'] ?? '220 mx'}\r\n`);
    onLines(socket, (line) => {
      heard.push(line);
      const verb = line.split(/[ :\r]/)[0] ?? '';
      return replies[verb] ?? (verb === 'DATA' ? '354 go' : '250 ok');
    });
  });
}

describe('a message on its way to intake', () => {
  it('is sent step by step, to every recipient, and its last reply is the answer', async () => {
    const heard: string[] = [];
    const submission = await scripted({ Subject: '250 2.0.0 Ok: queued as MID 17' }, heard);
    assert.deepEqual(await submit(submission), {
      kind: 'accepted',
      reply: '250 2.0.0 Ok: queued as MID 17',
      tls: false,
    });
    assert.deepEqual(heard, [
      'EHLO tdc-send.localdomain',
      'MAIL FROM:<a@example.org>',
      'RCPT TO:<joe@example.com>',
      'RCPT TO:<ann@example.com>',
      'DATA',
      'Subject: x\r\n\r\ntext',
      'QUIT',
    ]);
  });

  const refusals: readonly [string, Readonly<Record<string, string>>, string, string][] = [
    ['banner', { banner: '554 no' }, 'connect', '554 no'],
    ['hello', { EHLO: '502 no' }, 'EHLO', '502 no'],
    ['sender', { MAIL: '550-not\r\n550 you' }, 'MAIL', '550-not\r\n550 you'],
    ['recipient', { RCPT: '452 later' }, 'RCPT', '452 later'],
    ['request to send', { DATA: '451 later' }, 'DATA', '451 later'],
    ['text', { Subject: '451 4.3.0 later' }, 'message', '451 4.3.0 later'],
    ['TLS', { EHLO: '250-mx\r\n250 STARTTLS', STARTTLS: '454 no' }, 'STARTTLS', '454 no'],
  ];
  for (const [name, replies, command, reply] of refusals) {
    it(`may be refused at its ${name}`, async () => {
      assert.deepEqual(await submit(await scripted(replies)), { kind: 'refused', command, reply });
    });
  }

  it('takes a reply in pieces for one', async () => {
    const submission = await serve((socket) => {
      for (const [index, piece] of ['220-a\r', '\n22', '0 b\r\n'].entries())
        setTimeout(() => socket.write(piece), index * 10);
      onLines(socket, () => '550 no');
    });
    assert.deepEqual(await submit(submission), { kind: 'refused', command: 'EHLO', reply: '550 no' });
  });

  it('declares 8-bit text and international addresses where the server knows of them', async () => {
    const offers = '250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8';
    const of = async (replies: Readonly<Record<string, string>>, changes: Partial<Submission>) => {
      const heard: string[] = [];
      await submit({ ...(await scripted(replies, heard)), ...changes });
      return heard.find((line) => line.startsWith('MAIL'));
    };
    const eightBit = { message: Buffer.from('Subject: x\n\nGrüße\n') };
    const international = { sender: 'jörg@example.org' };
    assert.equal(await of({ EHLO: offers }, eightBit), 'MAIL FROM:<a@example.org> BODY=8BITMIME');
    assert.equal(
      await of({ EHLO: offers }, international),
      'MAIL FROM:<jörg@example.org> BODY=8BITMIME SMTPUTF8',
    );
    assert.equal(await of({}, eightBit), 'MAIL FROM:<a@example.org>');
    assert.equal(await of({ EHLO: offers }, {}), 'MAIL FROM:<a@example.org>');
  });

  it('goes under TLS where that is offered, and says hello again', async () => {
    const { cert, key } = await (await createAuthority()).issue({ names: ['localhost'] });
    const secureContext = createSecureContext({ cert, key });
    const heard: string[] = [];
    const submission = await serve((socket) => {
      socket.write('220 mx\r\n');
      onLines(socket, (line) => {
        if (line !== 'STARTTLS') return '250-mx\r\n250 STARTTLS';
        socket.removeAllListeners('data');
        socket.write('220 go\r\n');
        const secured = new TLSSocket(socket, { isServer: true, secureContext });
        secured.on('error', () => undefined);
        onLines(secured, (inner) => {
          heard.push(inner);
          return inner === 'DATA' ? '354 go' : '250 ok';
        });
        return undefined;
      });
    });
    assert.deepEqual(await submit(submission), { kind: 'accepted', reply: '250 ok', tls: true });
    assert.equal(heard[0], 'EHLO tdc-send.localdomain');
  });
});

describe('a server that leaves the sender alone', () => {
  const silent: readonly [string, (socket: Socket) => void, RegExp][] = [
    ['before its banner', () => undefined, /^connect: timed out$/],
    [
      'in the middle of the handshake',
      (socket) => {
        socket.write('220 mx\r\n');
        onLines(socket, (line) => {
          if (line !== 'STARTTLS') return '250-mx\r\n250 STARTTLS';
          // What comes now is the handshake: octets at random, among which a line end may be.
          socket.removeAllListeners('data').resume();
          return '220 go';
        });
      },
      /^STARTTLS: timed out$/,
    ],
    ['by closing', (socket) => socket.end('220 mx\r\n'), /^(EHLO|connect): /],
  ];
  for (const [name, talk, reason] of silent) {
    it(`${name} is given up`, async () => {
      const result = await submit({ ...(await serve(talk)), timeoutSeconds: 0.1 });
      assert.ok(result.kind === 'unreachable');
      assert.match(result.reason, reason);
    });
  }

  it('or says no TLS behind its yes to it is told of in a few words', async () => {
    const submission = await serve((socket) => {
      socket.write('220 mx\r\n');
      onLines(socket, (line) => {
        if (line !== 'STARTTLS') return '250-mx\r\n250 STARTTLS';
        socket.removeAllListeners('data').on('data', () => socket.write('500 and not a word of TLS\r\n'));
        return '220 go';
      });
    });
    assert.deepEqual(await submit(submission), {
      kind: 'unreachable',
      reason: 'STARTTLS: wrong version number (SSL routines)',
    });
  });
});

describe('the data block', () => {
  const blocks: readonly [string, string, string][] = [
    ['turns LF into CRLF', 'a\nb\n', 'a\r\nb\r\n.\r\n'],
    ['leaves CRLF alone', 'a\r\nb\r\n', 'a\r\nb\r\n.\r\n'],
    ['ends a last line that has no end', 'a', 'a\r\n.\r\n'],
    ['doubles a dot at the start of a line, the first one too', '.a\n.\nb.c\n', '..a\r\n..\r\nb.c\r\n.\r\n'],
    ['turns a bare CR into a line end', 'a\rb\n', 'a\r\nb\r\n.\r\n'],
    ['of nothing is one empty line', '', '\r\n.\r\n'],
  ];
  for (const [name, message, expected] of blocks) {
    it(name, () => assert.equal(toDataBlock(Buffer.from(message)).toString(), expected));
  }

  it('leaves every octet above 127 as it is', () => {
    const octets = Buffer.from(Array.from({ length: 128 }, (_, index) => 128 + index));
    assert.deepEqual(toDataBlock(octets).subarray(0, 128), octets);
  });
});
