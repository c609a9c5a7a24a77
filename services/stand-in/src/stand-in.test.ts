import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { dataBlock, openSender, transact } from '../../../test/support/smtp-sender.ts';
import { useStandIn } from '../../../test/support/use-stand-in.ts';
import { waitUntil } from '../../../test/support/wait-until.ts';
import type { Script } from './script.ts';

const MESSAGE = Buffer.from('Subject: x\r\n\r\n.one\r\n..two\r\n\r\n.\u00fc\r\n');
const ENVELOPE = { from: '', to: ['journal@setd.example'] };
const TRANSACTION = Buffer.concat([
  Buffer.from('MAIL FROM:<>\r\nRCPT TO:<a@setd.example>\r\nDATA\r\n'),
  dataBlock(MESSAGE),
]);

const file = useStandIn();
const secured = () => file.secured();

describe('the stand-in does what is right', () => {
  it('takes messages under TLS, several on a connection, and shows each as it was', async () => {
    const { standIn } = file;
    const sender = await secured();
    for (let n = 0; n < 3; n += 1) assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250/);
    await sender.quit();
    assert.equal(standIn.messages.length, 3);
    assert.ok(standIn.octets(2)?.equals(MESSAGE));
    const [seen] = standIn.connections;
    assert.equal(seen?.messages, 3);
    assert.ok((seen?.peerPort ?? 0) > 0);
    for (const message of standIn.messages) {
      assert.deepEqual(message.rcptTo, ENVELOPE.to);
      assert.equal(message.tls?.protocol, 'TLSv1.3');
      assert.equal(message.connection, seen?.number);
    }
    await waitUntil(() => seen?.closedAt !== null, { what: 'the end of the connection' });
  });

  it('takes none in clear text', async () => {
    const sender = await file.plain();
    assert.match(await sender.say('MAIL FROM:<>'), /^530/);
    await sender.quit();
  });

  it('takes pipelined transactions, cut anywhere', async () => {
    const { standIn } = file;
    const wire = Buffer.concat([TRANSACTION, TRANSACTION]);
    const sender = await secured();
    for (let cut = 1; cut < wire.length; cut += 1) {
      sender.write(wire.subarray(0, cut));
      // A turn of its own for each piece, so that they are not joined again.
      await new Promise(setImmediate);
      sender.write(wire.subarray(cut));
      for (const code of ['250', '250', '354', '250', '250', '250', '354', '250'])
        assert.match(await sender.reply(), new RegExp(`^${code}`), `cut at ${cut}`);
    }
    await sender.quit();
    assert.equal(standIn.messages.length, 2 * (wire.length - 1));
    for (const { id } of standIn.messages) assert.ok(standIn.octets(id)?.equals(MESSAGE));
  });

  const ORDERS: readonly (readonly [what: string, lines: readonly string[], last: RegExp])[] = [
    ['MAIL within MAIL', ['MAIL FROM:<>', 'MAIL FROM:<>'], /^503/],
    ['RCPT before MAIL', ['RCPT TO:<a@b.example>'], /^503/],
    ['DATA before RCPT', ['MAIL FROM:<>', 'DATA'], /^503/],
    ['RCPT behind RSET', ['MAIL FROM:<>', 'RSET', 'RCPT TO:<a@b.example>'], /^503/],
    ['RCPT behind EHLO', ['MAIL FROM:<>', 'EHLO again', 'RCPT TO:<a@b.example>'], /^503/],
    ['a sender without brackets', ['MAIL FROM:a@b.example'], /^501/],
    ['an unknown command', ['XYZZY'], /^500/],
    ['VRFY', ['VRFY a'], /^252/],
    ['SIZE within the limit', ['MAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8'], /^250/],
    ['SIZE beyond it', ['MAIL FROM:<> SIZE=999999999999'], /^552/],
    ['a parameter that was not offered', ['MAIL FROM:<> RET=HDRS'], /^555/],
  ];
  for (const [what, lines, last] of ORDERS) {
    it(`answers ${what}`, async () => {
      const sender = await secured();
      let reply = '';
      for (const line of lines) reply = await sender.say(line);
      assert.match(reply, last);
      await sender.quit();
    });
  }

  it('offers what it can, under TLS no TLS, and less when told', async () => {
    const sender = await secured();
    for (const name of ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'SIZE 104857600'])
      assert.match(sender.offered, new RegExp(`^250[ -]${name}$`, 'm'));
    assert.doesNotMatch(sender.offered, /STARTTLS/);
    file.standIn.script({ without: ['8BITMIME', 'SMTPUTF8'], maxSizeBytes: 20 });
    const less = await sender.say('EHLO test.example');
    assert.match(less, /^250[ -]SIZE 20$/m);
    assert.doesNotMatch(less, /8BITMIME|SMTPUTF8/);
    assert.match(await sender.say('MAIL FROM:<> BODY=8BITMIME'), /^555/);
    assert.match(await sender.say('MAIL FROM:<> SIZE=21'), /^552/);
    assert.match(await transact(sender, ENVELOPE, MESSAGE), /^552/);
    assert.equal(file.standIn.messages.length, 0);
    await sender.quit();
  });

  it('lets no line grow for ever', async () => {
    const sender = await file.plain();
    sender.write('x'.repeat(100_000));
    assert.match(await sender.reply(), /^500/);
    await sender.closed;
  });
});

describe('the stand-in does what its script says', () => {
  const REPLIES: readonly (readonly [verb: 'mail' | 'rcpt' | 'data' | 'final-dot', reply: string])[] = [
    ['mail', '451 4.3.0 mail'],
    ['rcpt', '550 5.1.1 rcpt'],
    ['data', '503 5.5.1 data'],
    ['final-dot', '552 5.2.2 dot'],
  ];
  for (const [verb, reply] of REPLIES) {
    it(`answers ${verb} by the script, once, and then as it should`, async () => {
      file.standIn.script({ steps: { [verb]: [{ reply }] } });
      const sender = await secured();
      assert.equal(await transact(sender, ENVELOPE, MESSAGE), reply);
      await sender.say('RSET');
      assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250/);
      await sender.quit();
      assert.equal(file.standIn.messages.length, 1);
    });
  }

  it('answers the banner, EHLO, RSET and QUIT by the script', async () => {
    const { standIn } = file;
    standIn.script({
      steps: {
        banner: [{ reply: '554 5.3.2 not today' }],
        ehlo: [{ reply: '550 5.7.0 no' }],
        rset: [{ reply: '421 4.3.0 rset' }],
        quit: [{ replyAndClose: '500 5.5.0 stay' }],
      },
    });
    const sender = await openSender(`127.0.0.1:${standIn.port}`);
    assert.equal(sender.banner, '554 5.3.2 not today');
    assert.equal(await sender.say('EHLO test.example'), '550 5.7.0 no');
    assert.equal(await sender.say('RSET'), '421 4.3.0 rset');
    assert.equal(await sender.say('QUIT'), '500 5.5.0 stay');
    await sender.closed;
  });

  const ENDS: readonly (readonly [name: string, script: Script, kept: number])[] = [
    ['closes at a verb', { always: { rcpt: { end: 'close' } } }, 0],
    ['resets at a verb', { always: { mail: { end: 'reset' } } }, 0],
    ['says 421 and closes', { always: { mail: { replyAndClose: '421 4.7.0 bye' } } }, 0],
    ['cuts a message', { atByte: { byte: 5, end: 'close' } }, 0],
    ['resets within a message', { atByte: { byte: 5, end: 'reset' } }, 0],
    ['closes in place of the last answer', { always: { 'final-dot': { end: 'close' } } }, 0],
    ['takes a message and loses the answer', { always: { 'final-dot': { takeAnd: 'reset' } } }, 1],
  ];
  for (const [name, script, kept] of ENDS) {
    it(name, async () => {
      file.standIn.script(script);
      const sender = await secured();
      await transact(sender, ENVELOPE, MESSAGE).catch(() => '');
      await sender.closed;
      assert.equal(file.standIn.messages.length, kept);
    });
  }

  it('a reset is one, and no polite end', async () => {
    file.standIn.script({ always: { banner: { end: 'reset' } } });
    const sender = openSender(`127.0.0.1:${file.standIn.port}`);
    await assert.rejects(sender);
    file.standIn.script({});
    const plain = await file.plain();
    const socket = plain.release();
    file.standIn.script({ always: { mail: { end: 'reset' } } });
    socket.write('MAIL FROM:<>\r\n');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
  });

  it('can be silent at a verb and within a message, with the connection open', async () => {
    const { standIn } = file;
    standIn.script({ always: { mail: { end: 'stall' } } });
    const sender = await secured();
    sender.write('MAIL FROM:<>\r\nNOOP\r\n');
    await waitUntil(() => standIn.connections.at(-1)?.verbs.includes('MAIL'), { what: 'the command' });
    assert.deepEqual(standIn.connections.at(-1)?.verbs.slice(-1), ['MAIL']);
    assert.equal(standIn.open, 1);
    sender.destroy();
    standIn.script({ atByte: { byte: 5, end: 'stall' } });
    const other = await secured();
    other.write(Buffer.concat([TRANSACTION, Buffer.from('NOOP\r\n')]));
    for (const code of ['250', '250', '354']) assert.match(await other.reply(), new RegExp(`^${code}`));
    // A round trip on another connection: there was time for an answer.
    await (await file.plain()).quit();
    assert.equal(standIn.messages.length, 0);
    other.destroy();
  });

  it('is late, drips, and answers before its time', async () => {
    file.standIn.script({ steps: { mail: [{ delayMs: 30 }] } });
    const late = await secured();
    assert.match(await transact(late, ENVELOPE, MESSAGE), /^250/);
    await late.quit();
    file.standIn.script({ always: { mail: { drip: '250-x' } } });
    const dripping = (await file.plain()).release();
    let heard = '';
    dripping.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    dripping.write('MAIL FROM:<>\r\n');
    await waitUntil(() => heard === '250-x'.repeat(3), { what: 'three drops' });
    dripping.destroy();
    file.standIn.script({ atByte: { byte: 3, reply: '552 5.3.4 enough' } });
    const early = await secured();
    for (const line of ['MAIL FROM:<>', 'RCPT TO:<a@setd.example>', 'DATA']) await early.say(line);
    early.write('Subj');
    assert.equal(await early.reply(), '552 5.3.4 enough');
    early.destroy();
  });

  it('limits the messages of a connection, and connections', async () => {
    file.standIn.script({ messagesPerConnection: 1, maxConnections: 1 });
    const sender = await secured();
    assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250/);
    const crowded = await openSender(`127.0.0.1:${file.standIn.port}`);
    assert.match(crowded.banner, /^421/);
    await crowded.closed;
    assert.match(await transact(sender, ENVELOPE, MESSAGE), /^421/);
    await sender.closed;
    assert.equal(file.standIn.mostOpen, 2);
  });

  it('drops its connections when told, and takes nothing more', async () => {
    const { standIn } = file;
    const sender = await secured();
    standIn.dropConnections('421 4.3.2 shutting down');
    assert.equal(await sender.reply(), '421 4.3.2 shutting down');
    await sender.closed;
    assert.throws(() => standIn.script({ certificate: 'of-nobody' }), /no certificate of-nobody/);
  });
});
