import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { readJournal } from '../support/embedded-original.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { dataBlock, openSender, type SmtpSender, sendMail, transact } from '../support/smtp-sender.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

const HEAD = 'From: a@example.org\r\nSubject: input\r\n\r\n';
const ENVELOPE = { from: 'a@example.org', to: ['joe@example.com'] };

/** Everything that comes in over SMTP and is not as it should be: a clear reply, and harm to nobody else. */
describe('what intake is sent', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({
      intake: {
        TDC_SMTP_MAX_MESSAGE_BYTES: '1000000',
        TDC_SMTP_MAX_RECIPIENTS: '3',
        TDC_SMTP_IDLE_SECONDS: '4',
        TDC_SMTP_TRANSACTION_SECONDS: '3',
        TDC_LMTP_PORT: '0',
      },
    });
  });
  after(() => stack.stop());
  beforeEach(() => stack.standIn.clear());

  const open = async (address = stack.smtp): Promise<SmtpSender & { readonly banner: string }> => {
    const sender = await openSender(address);
    await sender.say('EHLO sender.example.org');
    return sender;
  };
  const originals = async (count: number): Promise<Buffer[]> => {
    await waitUntil(() => stack.standIn.messages.length >= count, { what: `${count} copies` });
    await stack.settled();
    return stack.standIn.messages.map(
      ({ id }) => readJournal(stack.standIn.octets(id) ?? Buffer.alloc(0)).original,
    );
  };

  describe('one message in is one message out, whatever its lines end with', () => {
    const SMUGGLED =
      'MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled';
    for (const end of [
      '\n.\n',
      '\n.\r\n',
      '\r\n.\n',
      '\r.\r',
      '\r.\r\n',
      '\r\n.\r',
      '\n.\r',
      '\r\n\0.\r\n',
    ]) {
      it(JSON.stringify(end), async () => {
        const sender = await open();
        await sender.say('MAIL FROM:<a@example.org>');
        await sender.say('RCPT TO:<joe@example.com>');
        await sender.say('DATA');
        sender.write(`${HEAD}one${end}${SMUGGLED}\r\n.\r\n`);
        assert.match(await sender.reply(), /^250 .+ queued as MID \d+$/);
        assert.match(await sender.say('NOOP'), /^250/);
        await sender.quit();
        const [original, ...others] = await originals(1);
        assert.equal(others.length, 0);
        assert.match(original?.toString('latin1') ?? '', /smuggled\r\n$/);
      });
    }

    it('however the octets are cut into packets', async () => {
      const block = `${HEAD}.one\r\n..two\r\n\r\nend\r\n`;
      const wire = dataBlock(Buffer.from(block)).toString('latin1');
      const cuts = Array.from({ length: wire.length - 1 }, (_, n) => n + 1).filter(
        (n) => n % 3 === 0 || n > wire.length - 8,
      );
      const sender = await open();
      for (const cut of cuts) {
        await sender.say('MAIL FROM:<a@example.org>');
        await sender.say('RCPT TO:<joe@example.com>');
        await sender.say('DATA');
        sender.write(wire.slice(0, cut));
        await new Promise((resolve) => setImmediate(resolve));
        sender.write(wire.slice(cut));
        assert.match(await sender.reply(), /^250/);
      }
      await sender.quit();
      const all = await originals(cuts.length);
      assert.ok(all.every((original) => original.toString('latin1') === block));
      assert.equal(all.length, cuts.length);
    });
  });

  describe('is refused with a reply that says why', () => {
    it('a message that is too large, after all of it, and the connection goes on', async () => {
      const sender = await open();
      const reply = await transact(sender, ENVELOPE, Buffer.from(HEAD + 'x'.repeat(1_200_000)));
      assert.match(reply, /^552 5\.\d\.\d .*size/i);
      assert.match(await transact(sender, ENVELOPE, Buffer.from(`${HEAD}small\r\n`)), /^250/);
      await sender.quit();
      assert.equal((await originals(1)).length, 1);
    });

    it('a message that is announced to be too large, at once', async () => {
      const sender = await open();
      assert.match(await sender.say('MAIL FROM:<a@example.org> SIZE=2000000'), /^552 /);
      await sender.quit();
    });

    it('too many recipients: those that fit are taken', async () => {
      const sender = await open();
      await sender.say('MAIL FROM:<a@example.org>');
      const replies: string[] = [];
      for (const name of ['a', 'b', 'c', 'd'])
        replies.push((await sender.say(`RCPT TO:<${name}@example.com>`)).slice(0, 3));
      assert.deepEqual(replies, ['250', '250', '250', '452']);
      await sender.quit();
    });

    it('AUTH, VRFY and commands that nobody knows', async () => {
      const sender = await open();
      for (const line of ['AUTH PLAIN AGEAYg==', 'VRFY joe', 'WIZ', 'BDAT 5', 'XYZZY'])
        assert.match(await sender.say(line), /^5\d\d /);
      assert.match(await transact(sender, ENVELOPE, Buffer.from(`${HEAD}x\r\n`)), /^250/);
      await sender.quit();
    });

    it('XCLIENT and XFORWARD are offered to trusted peers alone', async () => {
      const sender = await openSender(stack.smtp);
      assert.match(await sender.say('EHLO a.example'), /^250[ -]XCLIENT /m);
      await sender.quit();
    });
  });

  it('what was sent in clear text behind STARTTLS is thrown away', async () => {
    const sender = await open();
    sender.write('STARTTLS\r\nMAIL FROM:<injected@example.org>\r\n');
    assert.match(await sender.reply(), /^220/);
    await sender.upgrade();
    await sender.say('EHLO sender.example.org');
    assert.match(await sender.say('RCPT TO:<joe@example.com>'), /^503/);
    assert.match(await transact(sender, ENVELOPE, Buffer.from(`${HEAD}under TLS\r\n`)), /^250/);
    await sender.quit();
  });

  it('a sender who sends an octet now and then is cut off, and nothing is kept', async () => {
    const before = await stack.accounting();
    const sender = await open();
    await sender.say('MAIL FROM:<a@example.org>');
    await sender.say('RCPT TO:<joe@example.com>');
    await sender.say('DATA');
    const drip = setInterval(() => sender.write('x'), 100);
    await sender.closed;
    clearInterval(drip);
    assert.equal((await stack.accounting()).seen, before.seen);
    await stack.logged('intake', /^Message aborted MID \d+ ICID \d+ - the client went away$/);
  });

  it('a client that goes away in its message leaves nothing', async () => {
    const before = await stack.accounting();
    const sender = await open();
    await sender.say('MAIL FROM:<a@example.org>');
    await sender.say('RCPT TO:<joe@example.com>');
    await sender.say('DATA');
    sender.write(HEAD);
    sender.destroy();
    await waitUntil(
      async () =>
        (sampleOf(await stack.metrics('intake'), 'tdc_intake_messages_refused_total', {
          reason: 'aborted',
        }) ?? 0) >= 1,
    );
    assert.equal((await stack.accounting()).seen, before.seen);
  });

  describe('is taken as it is', () => {
    const CASES: readonly (readonly [
      name: string,
      envelope: { from: string; to: string[]; parameters?: string },
      message: string | Buffer,
    ])[] = [
      ['the null sender', { from: '', to: ['joe@example.com'] }, `${HEAD}x\r\n`],
      ['no header at all', ENVELOPE as { from: string; to: string[] }, 'just text\r\n'],
      ['an empty message', ENVELOPE as { from: string; to: string[] }, ''],
      [
        'a line of 1,200 octets',
        ENVELOPE as { from: string; to: string[] },
        `${HEAD}${'x'.repeat(1200)}\r\n`,
      ],
      [
        '8-bit text',
        { ...ENVELOPE, to: ['joe@example.com'], parameters: 'BODY=8BITMIME' },
        Buffer.from(`${HEAD}Gr\u00fc\u00dfe\r\n`),
      ],
      [
        'UTF-8 addresses',
        { from: 'j\u00f6rg@b\u00fccher.example', to: ['joe@example.com'], parameters: 'SMTPUTF8' },
        Buffer.from(`${HEAD}x\r\n`),
      ],
      [
        'a header of 300 KB',
        ENVELOPE as { from: string; to: string[] },
        `X-Long: ${'x\r\n '.repeat(75_000)}y\r\n${HEAD}x\r\n`,
      ],
      [
        'octets of every value',
        ENVELOPE as { from: string; to: string[] },
        Buffer.concat([
          Buffer.from(HEAD),
          Buffer.from(Array.from({ length: 256 }, (_, n) => n)),
          Buffer.from('\r\n'),
        ]),
      ],
    ];
    for (const [name, envelope, message] of CASES) {
      it(name, async () => {
        const octets = Buffer.from(message);
        assert.match(await sendMail(stack.smtp, envelope, octets), /^250 .+ queued as MID/);
        const [original] = await originals(1);
        assert.ok(original?.equals(octets), JSON.stringify(original?.toString('latin1').slice(0, 200)));
      });
    }

    it('the same Message-ID twice: two copies', async () => {
      const message = `Message-ID: <same@example.org>\r\n${HEAD}x\r\n`;
      await sendMail(stack.smtp, ENVELOPE, message);
      await sendMail(stack.smtp, ENVELOPE, message);
      assert.equal((await originals(2)).length, 2);
    });

    it('the same recipient twice: one copy, named once', async () => {
      await sendMail(
        stack.smtp,
        { from: 'a@example.org', to: ['joe@example.com', 'JOE@example.com'] },
        `${HEAD}x\r\n`,
      );
      await originals(1);
      const copy = readJournal(stack.standIn.octets(1) ?? Buffer.alloc(0));
      assert.equal(copy.report.filter((line) => line.startsWith('Recipient:')).length, 1);
    });

    it('over LMTP, with a reply for each recipient', async () => {
      const sender = await openSender(stack.service('intake').addresses['lmtp'] ?? '');
      await sender.say('LHLO gateway.example.org');
      await sender.say('MAIL FROM:<a@example.org>');
      await sender.say('RCPT TO:<joe@example.com>');
      await sender.say('RCPT TO:<ann@example.com>');
      await sender.say('DATA');
      sender.write(dataBlock(Buffer.from(`${HEAD}x\r\n`)));
      assert.match(await sender.reply(), /^250 .+ queued as MID/);
      assert.match(await sender.reply(), /^250 .+ queued as MID/);
      await sender.quit();
      assert.equal((await originals(1)).length, 1);
    });
  });

  it('our own copy, come back, is recognised; a forged one is not believed', async () => {
    await sendMail(stack.smtp, ENVELOPE, `${HEAD}x\r\n`);
    await originals(1);
    const copy = stack.standIn.octets(1) ?? Buffer.alloc(0);
    const before = await stack.accounting();
    assert.match(await sendMail(stack.smtp, ENVELOPE, copy), /no copy due$/);
    const bounce = Buffer.concat([Buffer.from(`${HEAD}Returned mail:\r\n\r\n`), copy]);
    assert.match(await sendMail(stack.smtp, { from: '', to: ['joe@example.com'] }, bounce), /no copy due$/);
    assert.match(
      await sendMail(stack.smtp, { from: 'a@example.org', to: ['journal@setd.example'] }, `${HEAD}x\r\n`),
      /no copy due$/,
    );
    const forged = copy
      .toString('latin1')
      .replace(
        /^(X-TDC-Journal-ID: )(.)/m,
        (_, name: string, digit: string) => name + (digit === '0' ? '1' : '0'),
      );
    assert.match(await sendMail(stack.smtp, ENVELOPE, Buffer.from(forged, 'latin1')), /queued as MID/);
    const account = await stack.settled();
    assert.equal(account.skipped - before.skipped, 3);
    const samples = await stack.metrics('monitor');
    assert.equal(sampleOf(samples, 'tdc_messages_skipped_total', { reason: 'loop' }), 2);
    assert.equal(sampleOf(samples, 'tdc_messages_skipped_total', { reason: 'bounce-of-copy' }), 1);
  });

  it('a message that is being received when intake is told to stop is finished and answered', async () => {
    const sender = await open();
    await sender.say('MAIL FROM:<a@example.org>');
    await sender.say('RCPT TO:<joe@example.com>');
    await sender.say('DATA');
    sender.write(HEAD);
    const { process } = stack.service('intake');
    process.signal('SIGTERM');
    await stack.logged('intake', /^draining: SIGTERM$/);
    sender.write('the rest\r\n.\r\n');
    assert.match(await sender.reply(), /^250 .+ queued as MID/);
    assert.match(await sender.say('NOOP'), /^421/);
    assert.equal((await process.exited).code, 0);
    assert.equal((await originals(1)).length, 1);
  });
});
