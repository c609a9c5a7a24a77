import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { parseNetwork, toIcid } from '@tdc/core';
import fc from 'fast-check';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { IncomingMessage } from '../ports.ts';
import type { Reply } from '../replies.ts';
import { type Receiver, type SmtpListener, startListener } from '../smtp-listener.ts';

const OK: Reply = { code: 250, status: '2.0.0', text: 'Ok: queued as MID 1' };
const BUSY: Reply = { code: 452, status: '4.3.1', text: 'Later' };
const open: SmtpListener[] = [];
after(async () => {
  for (const listener of open) await listener.close();
});

async function textOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of message.body) text += Buffer.from(piece).toString('latin1');
  return text;
}

/** A listener that hands what it receives to the test. */
async function listen(
  receive: Receiver['receive'],
  { lmtp = false, seconds = 60 } = {},
): Promise<SmtpListener> {
  const nothing = (): void => undefined;
  const listener = await startListener(
    {
      host: '127.0.0.1',
      port: 0,
      lmtp,
      hostname: 'intake.example',
      // The library has a certificate of its own.
      tls: {} as { cert: Buffer; key: Buffer },
      maxMessageBytes: 1_000_000,
      maxRecipients: 3,
      maxConnections: 100,
      idleSeconds: seconds,
      transactionSeconds: seconds,
      closeSeconds: 1,
      trustedPeers: [parseNetwork('127.0.0.0/8') ?? assert.fail()],
      maxSessionMessages: 0,
      maxSessionSeconds: 0,
    },
    {
      connected: () => toIcid(1),
      secured: nothing,
      closed: nothing,
      turnedAway: nothing,
      proxied: nothing,
      proxyRefused: nothing,
      tooLargeAnnounced: nothing,
      refuseMail: () => undefined,
      receive,
      failed: nothing,
    },
  );
  if (!('close' in listener)) return assert.fail('no port');
  open.push(listener);
  return listener;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const ended = (socket: Socket): Promise<void> =>
  new Promise((resolve) => void socket.once('close', () => resolve()));

/** All that the server says to these packets, each piece as it came. */
async function say({ port }: SmtpListener, packets: readonly string[]): Promise<readonly string[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const heard: string[] = [];
  socket.on('data', (piece) => heard.push(piece.toString('latin1')));
  for (const packet of packets) {
    socket.write(packet, 'latin1');
    await turn();
  }
  await ended(socket);
  return heard;
}

const HELLO = 'EHLO gateway.example\r\n';
const BEGIN = 'MAIL FROM:<a@example.org>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\n';
const codesOf = (heard: readonly string[]): readonly string[] => heard.join('').match(/^\d{3}(?= )/gm) ?? [];

describe('a session', () => {
  it('answers a packet with one', async () => {
    const listener = await listen(async (message) => {
      await textOf(message);
      return OK;
    });
    const socket = connect({ port: listener.port, host: '127.0.0.1' });
    const next = (): Promise<string> =>
      new Promise((resolve) => socket.once('data', (data) => resolve(String(data))));
    assert.match(await next(), /^220 intake\.example ESMTP tdc intake\r\n$/);
    socket.write(HELLO);
    assert.match(await next(), /^250-.*\r\n250 [^\r]*\r\n$/s);
    socket.write(`${BEGIN}x\r\n`);
    assert.equal(
      await next(),
      '250 2.1.0 Accepted\r\n250 2.1.5 Accepted\r\n354 End data with <CR><LF>.<CR><LF>\r\n',
    );
    socket.write('.\r\nNOOP\r\nRSET\r\nMAIL FROM:<a@b@c>\r\nQUIT\r\n');
    assert.equal(
      await next(),
      [
        '250 2.0.0 Ok: queued as MID 1',
        '250 2.0.0 OK',
        '250 2.0.0 Flushed',
        '501 5.1.7 Error: Bad sender address syntax',
        '221 2.0.0 Bye',
        '',
      ].join('\r\n'),
    );
    await ended(socket);
  });

  for (const lmtp of [false, true]) {
    it(`means the same in whatever packets its commands come, over ${lmtp ? 'LMTP' : 'SMTP'}`, async () => {
      const taken: unknown[] = [];
      const listener = await listen(
        async (message) => {
          const text = await textOf(message);
          taken.push([message.sender, message.recipients, message.smtpUtf8, text]);
          return text.includes('busy') ? BUSY : OK;
        },
        { lmtp },
      );
      const hear = async (packets: readonly string[]) => {
        const text = (await say(listener, [...packets, '\r\nQUIT\r\n'])).join('');
        return { text, taken: taken.splice(0) };
      };
      const step = fc.constantFrom(
        lmtp ? 'LHLO a.example\r\n' : 'EHLO a.example\r\n',
        'MAIL FROM:<a@example.org>\r\n',
        'MAIL FROM:<b@example.org> SIZE=10 BODY=8BITMIME SMTPUTF8\r\n',
        'MAIL FROM:<"c d"@example.org> SMTPUTF8 SIZE=10\r\n',
        'MAIL FROM:<a@b@c>\nRSET\n',
        'RCPT TO:<joe@example.com>\r\n',
        'RCPT TO:<JOE@example.com>\r\nRCPT TO:<"j m"@example.com> NOTIFY=NEVER\r\n',
        'RCPT TO:<ann@example.com>\r\nRCPT TO:<>\r\n',
        `${BEGIN}one\r\n..two\r\n..\r\n.\r\n`,
        `${BEGIN}busy\r\n.\r\n`,
        'DATA\r\nthree\r\n.\r\n',
        'rset\r\n',
        'Noop with words\r\n',
      );
      const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
      const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), sizes, async (steps, lengths) => {
        const wire = `${lmtp ? 'LHLO' : 'EHLO'} a.example\r\n${steps.join('')}`;
        const packets: string[] = [];
        for (let at = 0; at < wire.length; at += packets.at(-1)?.length ?? 0)
          packets.push(wire.slice(at, at + (lengths[packets.length % lengths.length] ?? 1)));
        const whole = await hear([wire]);
        assert.deepEqual(await hear(packets), whole);
        assert.deepEqual(await hear(wire.split(/(?<=\n)/)), whole);
      });
      await fc.assert(property, { numRuns: 40 });
    });
  }

  it('takes the same from a command, plain or not', async () => {
    const heard: unknown[] = [];
    const listener = await listen(async (message) => {
      await textOf(message);
      heard.push([message.sender, message.smtpUtf8, message.recipients]);
      return OK;
    });
    const commands = [
      'MAIL FROM:<a@example.org> SIZE=10 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<j@example.com>\r\nRCPT TO:<J@example.com>\r\n',
      'MAIL FROM: <a@example.org> SMTPUTF8\r\nRCPT TO: <j@example.com>\r\nRCPT TO: <J@example.com>\r\n',
    ];
    await say(listener, [HELLO, ...commands.map((text) => `${text}DATA\r\n.\r\n`), 'QUIT\r\n']);
    assert.deepEqual(heard, [
      ['a@example.org', true, ['J@example.com']],
      ['a@example.org', true, ['J@example.com']],
    ]);
  });

  it('begins anew behind XFORWARD, without a transaction and with the name that was given', async () => {
    const listener = await listen(async () => OK);
    const heard = await say(listener, [
      `${HELLO}XFORWARD HELO=[UNAVAILABLE]\r\nMAIL FROM:<a@example.org>\r\nQUIT\r\n`,
    ]);
    assert.deepEqual(codesOf(heard), ['220', '250', '250', '503', '221']);
  });
});

describe('a message', () => {
  it('is answered where it ends, though its receiver has answered long ago', async () => {
    let answered = false;
    const listener = await listen(async () => {
      answered = true;
      return BUSY;
    });
    const socket = connect({ port: listener.port, host: '127.0.0.1' });
    let heard = '';
    socket.on('data', (piece) => {
      heard += String(piece);
    });
    socket.write(`${HELLO}${BEGIN}${'x'.repeat(200_000)}`);
    await waitUntil(() => answered && socket.writableLength === 0 && heard.includes('354'));
    assert.doesNotMatch(heard, /^452/m);
    socket.write('\r\n.\r\nQUIT\r\n');
    await ended(socket);
    assert.match(heard, /354 [^\r]*\r\n452 4\.3\.1 Later\r\n221 2\.0\.0 Bye\r\n$/);
  });

  it('that is in is not cut off, however long its receiver takes: the client waits for us', async () => {
    const judge = Promise.withResolvers<Reply>();
    let isIn = false;
    const receive = async (message: IncomingMessage): Promise<Reply> => {
      await textOf(message);
      isIn = true;
      return judge.promise;
    };
    const listener = await listen(receive, { seconds: 0.2 });
    const heard = say(listener, [`${HELLO}${BEGIN}x\r\n.\r\nQUIT\r\n`]);
    await waitUntil(() => isIn);
    // One that connects now and says nothing is cut off later than the first would have been.
    assert.deepEqual(codesOf(await say(listener, [])), ['220', '421']);
    judge.resolve(OK);
    assert.deepEqual(codesOf(await heard), ['220', '250', '250', '250', '354', '250', '221']);
  });

  it('that is too large is so while it comes, and refused whatever its receiver says', async () => {
    const listener = await listen(
      async (message) => {
        assert.equal((await textOf(message)).length, 1_000_001);
        assert.equal(message.tooLarge(), true);
        return OK;
      },
      { lmtp: true },
    );
    const begin = `LHLO a\r\n${BEGIN.replace('DATA', 'RCPT TO:<ann@example.com>\r\nDATA')}`;
    const heard = await say(listener, [`${begin}${'x'.repeat(999_999)}\r\n.\r\nQUIT\r\n`]);
    const line = '552 5.3.4 Error: message exceeds fixed maximum message size 1000000\r\n';
    assert.ok(heard.join('').endsWith(`${line}${line}221 2.0.0 Bye\r\n`));
  });

  it('of a client that goes away before its end is not taken for whole', async () => {
    const failures: unknown[] = [];
    const listener = await listen(async (message) => {
      await textOf(message).catch((error: unknown) => failures.push(error));
      return OK;
    });
    const socket = connect({ port: listener.port, host: '127.0.0.1' });
    socket.resume().write(`${HELLO}${BEGIN}half of it\r\n`);
    socket.end();
    await waitUntil(() => failures.length === 1);
    assert.match(String(failures[0]), /went away/);
  });
});
