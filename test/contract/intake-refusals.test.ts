import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { IntakeProcess } from '../support/intake-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { dataBlock, openSender, type SmtpSender, transact } from '../support/smtp-sender.ts';
import { useIntake } from '../support/use-intake.ts';
import { waitUntil } from '../support/wait-until.ts';

const ENVELOPE = { from: 'a@example.org', to: ['joe@example.com'] };
const MESSAGE = Buffer.from('From: a@example.org\r\nSubject: x\r\n\r\nText\r\n');

const here = useIntake();

/** That the connection goes on as if nothing had happened. */
async function takesMail(sender: SmtpSender): Promise<void> {
  assert.match(await sender.say('RSET'), /^250 2\.0\.0 /);
  assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250 2\.0\.0 Ok: queued as MID \d+$/);
}

/** Says EHLO while it connects, and goodbye, and hears all that it is answered. */
async function heardAtOnce({ addresses }: IntakeProcess): Promise<string> {
  const [host = '', port = ''] = (addresses['smtp'] ?? '').split(':');
  const socket = connect({ host, port: Number(port) });
  socket.write('EHLO early.example\r\nQUIT\r\n');
  let heard = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    heard += text;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return heard;
}

describe('what is refused, and how', () => {
  let intake: IntakeProcess;
  before(async () => {
    intake = await here.ground.start({
      TDC_SMTP_MAX_MESSAGE_BYTES: '100000',
      TDC_SMTP_MAX_RECIPIENTS: '2',
      TDC_BARE_NEWLINES: 'reject',
    });
  });

  it('offers what it can do, and nothing else', async () => {
    const sender = await openSender(intake.addresses['smtp'] ?? '');
    assert.match(sender.banner, /^220 intake\.example\.net ESMTP /);
    const offered = (await sender.say('EHLO a.example')).split('\r\n').slice(1);
    assert.deepEqual(
      new Set(offered.map((line) => line.slice(4).split(' ')[0])),
      new Set([
        'PIPELINING',
        '8BITMIME',
        'SMTPUTF8',
        'ENHANCEDSTATUSCODES',
        'STARTTLS',
        'SIZE',
        'XCLIENT',
        'XFORWARD',
      ]),
    );
    assert.ok(offered.some((line) => line.endsWith('SIZE 100000')));
    await sender.quit();
  });

  const FIRST: readonly (readonly [line: string, reply: RegExp])[] = [
    ['MAIL FROM:<a@example.org>', /^503 5\.5\.1 /],
    ['RCPT TO:<a@example.org>', /^503 5\.5\.1 /],
    ['DATA', /^503 5\.5\.1 /],
    ['EHLO', /^501 /],
    [`EHLO ${'x'.repeat(400)}`, /^501 /],
  ];
  for (const [line, reply] of FIRST) {
    it(`${line.slice(0, 30)} before EHLO`, async () => {
      const sender = await openSender(intake.addresses['smtp'] ?? '');
      assert.match(await sender.say(line), reply);
      await sender.say('EHLO a.example');
      await takesMail(sender);
      await sender.quit();
    });
  }

  const COMMANDS: readonly (readonly [line: string, reply: RegExp])[] = [
    ...[
      'AUTH PLAIN AGEAYg==',
      'AUTH LOGIN',
      'VRFY joe',
      'EXPN list',
      'HELP',
      'WIZ',
      'SHELL',
      'KILL',
      'TURN',
    ].map((line) => [line, /^500 5\.5\.2 /] as const),
    ['BDAT 5 LAST', /^500 5\.5\.2 /],
    ['', /^500 5\.5\.2 /],
    ['RCPT TO:<joe@example.com>', /^503 5\.5\.1 /],
    ['DATA', /^503 5\.5\.1 /],
    ['STARTTLS now', /^501 5\.5\.4 /],
    ['MAIL FROM:<a@example.org> SIZE=100001', /^552 5\.3\.4 /],
    ['MAIL FROM:<a@example.org> SIZE=x', /^501 5\.5\.4 /],
    ['MAIL FROM:<a@example.org> BODY=BINARYMIME', /^501 5\.5\.4 /],
    ['MAIL FROM:<a@example.org> SIZE=1 SIZE=2', /^501 5\.5\.4 /],
    ['MAIL FROM:a@example.org', /^501 5\.1\.7 /],
    ['MAIL FROM:<a@b@example.org>', /^501 5\.1\.7 /],
    ['MAIL FROM:<a@example.org', /^501 5\.1\.7 /],
    ['MAIL FROM:<"a\u0001b"@example.org>', /^501 5\.1\.7 /],
    [`MAIL FROM:<${'a'.repeat(3000)}@example.org>`, /^501 5\.1\.7 /],
    ['MAIL TO:<a@example.org>', /^501 5\.1\.7 /],
    ['XCLIENT ADDR=nonsense', /^501 5\.5\.4 /],
    ['XFORWARD ADDR=203.0.113.9+0D+0AX', /^501 5\.5\.4 /],
  ];
  for (const [line, reply] of COMMANDS) {
    it(`${JSON.stringify(line.slice(0, 50))}, and the connection goes on`, async () => {
      const sender = await intake.open();
      assert.match(await sender.say(line), reply);
      await takesMail(sender);
      await sender.quit();
    });
  }

  it('MAIL within MAIL, RCPT without an address, RCPT beyond the limit: those that fit are taken', async () => {
    const sender = await intake.open();
    await sender.say('MAIL FROM:<a@example.org>');
    assert.match(await sender.say('MAIL FROM:<b@example.org>'), /^503 5\.5\.1 /);
    assert.match(await sender.say('RCPT TO:<>'), /^501 5\.1\.3 /);
    assert.match(await sender.say('RCPT TO:<one@example.com>'), /^250 2\.1\.5 /);
    assert.match(await sender.say('RCPT TO:<two@example.com>'), /^250 2\.1\.5 /);
    assert.match(await sender.say('RCPT TO:<three@example.com>'), /^452 4\.5\.3 /);
    await sender.say('DATA');
    sender.write(dataBlock(MESSAGE));
    assert.match(await sender.reply(), /^250 2\.0\.0 /);
    await sender.quit();
    const { recipients } = (await here.stored.active()).at(-1) ?? assert.fail('no copy');
    assert.deepEqual(recipients, ['one@example.com', 'two@example.com']);
  });

  it('a message that is too large, once all of it is there, and nothing of it is kept', async () => {
    await here.stored.clear();
    const sender = await intake.open();
    const seen = (await here.stored.ledger.counters()).seen;
    assert.match(await transact(sender, ENVELOPE, Buffer.alloc(300_000, 'x\r\n')), /^552 5\.3\.4 /);
    assert.equal((await here.stored.ledger.counters()).seen, seen);
    assert.equal(await here.stored.bodies(), 0);
    await takesMail(sender);
    await sender.quit();
    await intake.logged(/^Message aborted MID \d+ ICID \d+ - message too large$/);
  });

  it('a message of just the size is taken, of one octet more it is not', async () => {
    const sender = await intake.open();
    assert.match(await transact(sender, ENVELOPE, Buffer.from(`${'x'.repeat(99_998)}\r\n`)), /^250 /);
    assert.match(await transact(sender, ENVELOPE, Buffer.from(`${'x'.repeat(99_999)}\r\n`)), /^552 /);
    await sender.quit();
  });

  for (const end of ['a\nb', 'a\rb', '\n.\n', '\r.\r', '\r\n.\r', '\n.\r\n']) {
    it(`a bare line end, ${JSON.stringify(end)}, by its name; nothing of it is kept or counted`, async () => {
      await here.stored.clear();
      const seen = (await here.stored.ledger.counters()).seen;
      const sender = await intake.open();
      const reply = await transact(sender, ENVELOPE, Buffer.from(`Subject: x\r\n\r\n${end}\r\nText\r\n`));
      assert.match(reply, /^550 5\.6\.11 Bare CR or LF/);
      assert.deepEqual([(await here.stored.ledger.counters()).seen, await here.stored.bodies()], [seen, 0]);
      await takesMail(sender);
      await sender.quit();
    });
  }

  it('ten commands that nobody knows, and the connection with them', async () => {
    const sender = await intake.open();
    for (let n = 1; n < 10; n += 1) assert.match(await sender.say('XYZZY'), /^500 /);
    assert.match(await sender.say('XYZZY'), /^421 4\.4\.2 /);
    await sender.closed;
  });

  it('a browser, at its first line', async () => {
    const sender = await intake.open();
    assert.match(await sender.say('POST / HTTP/1.1'), /^421 /);
    await sender.closed;
  });

  it('a line without end', async () => {
    const sender = await intake.open();
    sender.write('x'.repeat(20_000));
    assert.match(await sender.reply(), /^421 .*too long/);
    await sender.closed;
  });

  it('a stranger who talks before the greeting; a gateway need not wait for it', async () => {
    const wary = await here.ground.start({ TDC_TRUSTED_PEERS: '198.51.100.1' });
    assert.match(await heardAtOnce(wary), /^421 intake\.example\.net You talk too soon/);
    assert.equal(sampleOf(await wary.samples(), 'tdc_intake_connections_refused_total'), 1);
    assert.match(await heardAtOnce(intake), /^220 intake\.example\.net ESMTP .*\r\n250-/);
    assert.equal(sampleOf(await intake.samples(), 'tdc_intake_connections_refused_total'), 0);
  });

  it('TLS below 1.2', async () => {
    const sender = await intake.open();
    await sender.say('STARTTLS');
    const failure = await new Promise<string>((resolve) => {
      const socket = connectTls({
        socket: sender.release(),
        rejectUnauthorized: false,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT:@SECLEVEL=0',
      });
      socket.on('secureConnect', () => resolve('connected'));
      socket.on('error', ({ message }) => resolve(message));
    });
    assert.notEqual(failure, 'connected');
    await takesMail(await intake.open());
  });

  it('what was refused is counted by its reason', async () => {
    const samples = await intake.samples();
    const refused = (reason: string) => sampleOf(samples, 'tdc_intake_messages_refused_total', { reason });
    assert.equal(refused('bare-newlines'), 6);
    // Announced, sent, and one octet too many.
    assert.equal(refused('too-large'), 3);
    assert.equal(sampleOf(samples, 'tdc_intake_bare_newline_messages_total', { handling: 'reject' }), 6);
  });
});

describe('where TLS is required', () => {
  it('MAIL without it is refused, before anything else is asked, and with it is not', async () => {
    const intake = await here.ground.start({ TDC_SMTP_REQUIRE_TLS: 'true' });
    const sender = await intake.open();
    assert.match(await sender.say('MAIL FROM:<a@example.org>'), /^530 5\.7\.0 Must issue a STARTTLS/);
    await sender.say('STARTTLS');
    await sender.upgrade();
    const offered = await sender.say('EHLO a.example');
    assert.doesNotMatch(offered, /STARTTLS/);
    assert.match(await transact(sender, ENVELOPE, MESSAGE), /^250 /);
    await sender.quit();
    const samples = await intake.samples();
    assert.equal(sampleOf(samples, 'tdc_intake_messages_refused_total', { reason: 'tls-required' }), 1);
    assert.equal(sampleOf(samples, 'tdc_intake_tls_connections_total'), 1);
  });
});

describe('who is too many or too slow', () => {
  let intake: IntakeProcess;
  before(async () => {
    intake = await here.ground.start({
      TDC_SMTP_MAX_CONNECTIONS: '2',
      TDC_SMTP_IDLE_SECONDS: '2',
      TDC_SMTP_TRANSACTION_SECONDS: '3',
    });
  });

  it('is told 421 at once, and the others go on', async () => {
    const [one, two] = [await intake.open(), await intake.open()];
    const three = await openSender(intake.addresses['smtp'] ?? '');
    assert.match(three.banner, /^421 /);
    await three.closed;
    await takesMail(one);
    await two.quit();
    await one.quit();
    await waitUntil(async () => (await openSender(intake.addresses['smtp'] ?? '')).banner.startsWith('220'));
    assert.ok((sampleOf(await intake.samples(), 'tdc_intake_connections_refused_total') ?? 0) >= 1);
  });

  it('is told 421 when it says nothing', async () => {
    const sender = await waitUntil(() => intake.open());
    assert.match(await sender.reply(), /^421 4\.4\.2 Timeout/);
    await sender.closed;
  });

  /** Says one octet after the other, well within the idle limit, until the other side has had enough. */
  async function drip(sender: SmtpSender, octet: string): Promise<string> {
    const timer = setInterval(() => sender.write(octet), 100);
    try {
      return await sender.reply();
    } finally {
      clearInterval(timer);
      sender.destroy();
    }
  }

  it('is cut off when its message does not come to an end, and nothing is kept or counted', async () => {
    await here.stored.clear();
    const seen = (await here.stored.ledger.counters()).seen;
    const sender = await waitUntil(() => intake.open());
    await sender.say('MAIL FROM:<a@example.org>');
    await sender.say('RCPT TO:<joe@example.com>');
    await sender.say('DATA');
    assert.match(await drip(sender, 'x'), /^421 4\.4\.2 The transaction took too long$/);
    await intake.logged(/^Message aborted MID \d+ ICID \d+ - the client went away$/);
    assert.deepEqual([(await here.stored.ledger.counters()).seen, await here.stored.bodies()], [seen, 0]);
  });

  it('is cut off when its commands do not come to an end', async () => {
    const sender = await waitUntil(() => intake.open());
    assert.match(await drip(sender, 'M'), /^421 4\.4\.2 The transaction took too long$/);
  });

  it('is not cut off in a long session of quick messages', async () => {
    const sender = await waitUntil(() => intake.open());
    const replies: string[] = [];
    const begun = Date.now();
    await waitUntil(async () => {
      replies.push(await transact(sender, ENVELOPE, MESSAGE));
      return Date.now() - begun > 3500;
    });
    for (const reply of replies) assert.match(reply, /^250 /);
    await sender.quit();
  });

  it('is cut off in the middle of a handshake, and the process lives', async () => {
    const sender = await waitUntil(() => intake.open());
    await sender.say('STARTTLS');
    const socket = sender.release();
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined).resume();
    await closed;
    assert.equal((await intake.get('/livez')).status, 200);
  });
});
