import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import { createJournalIds } from '@tdc/platform';
import { type IntakeProcess, ONE_INTAKE } from '../support/intake-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { dataBlock, openSender, type SmtpSender, transact } from '../support/smtp-sender.ts';
import { queuedIn } from '../support/stored-copies.ts';
import { useIntake } from '../support/use-intake.ts';
import { waitUntil } from '../support/wait-until.ts';

const ENVELOPE = { from: 'a@example.org', to: ['joe@example.com'] };
const HEAD = 'From: a@example.org\r\nSubject: x\r\n\r\n';

let intake: IntakeProcess;
const here = useIntake(ONE_INTAKE, async ({ ground }) => {
  intake = await ground.start({ TDC_LMTP_PORT: '0' });
});
beforeEach(() => here.stored.clear());

async function beginData(sender: SmtpSender): Promise<void> {
  await sender.say('MAIL FROM:<a@example.org>');
  await sender.say('RCPT TO:<joe@example.com>');
  assert.match(await sender.say('DATA'), /^354 /);
}

/** Lets what was written go out as a packet of its own. */
const sent = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The originals of all copies, in the order in which they came in. */
async function originals(): Promise<readonly string[]> {
  const copies = await here.stored.active();
  return Promise.all(copies.map(async (copy) => (await here.stored.original(copy)).toString('latin1')));
}

describe('one message in is one message, however its lines end and its octets are cut', () => {
  const COMMANDS =
    'MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled';
  const ENDS = [
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r.\r\n',
    '\r\n.\r',
    '\n.\r',
    '\r.\n',
    '\r\n\0.\r\n',
    '\r\n.\0\r\n',
    '\r\n. \r\n',
    '\r\r\n.\r\r\n',
  ];
  for (const end of ENDS) {
    it(JSON.stringify(end), async () => {
      const sender = await intake.open();
      const content = `${HEAD}one${end}${COMMANDS}\r\n`;
      const wire = `${content}.\r\n`;
      const first = content.indexOf(end);
      const cuts = [
        ...Array.from({ length: end.length + 3 }, (_, n) => first - 1 + n),
        ...Array.from({ length: 6 }, (_, n) => wire.length - 6 + n),
      ];
      for (const cut of cuts) {
        await beginData(sender);
        sender.write(wire.slice(0, cut));
        await sent();
        sender.write(wire.slice(cut));
        assert.equal(queuedIn(await sender.reply()).length, 1);
        assert.match(await sender.say('NOOP'), /^250 2\.0\.0 OK$/);
      }
      await sender.quit();
      const kept = await originals();
      assert.equal(kept.length, cuts.length);
      for (const original of kept) assert.equal(original, content);
    });
  }

  it('a dot at the start of a line, stuffed, wherever it is cut', async () => {
    const content = `.\r\n.one\r\n..two\r\n${HEAD}.\r\n`;
    const wire = dataBlock(Buffer.from(content)).toString('latin1');
    const sender = await intake.open();
    for (let cut = 1; cut < wire.length; cut += 1) {
      await beginData(sender);
      sender.write(wire.slice(0, cut));
      await sent();
      sender.write(wire.slice(cut));
      assert.match(await sender.reply(), /^250 /);
    }
    await sender.quit();
    const kept = await originals();
    assert.equal(kept.length, wire.length - 1);
    for (const original of kept) assert.equal(original, content);
  });

  it('a client that sends one octet at a time, from its first to its last', async () => {
    const sender = await openSender(intake.addresses['smtp'] ?? '');
    const content = `${HEAD}${'line after line\r\n'.repeat(20)}`;
    const dialogue = [
      'EHLO a.example\r\n',
      'MAIL FROM:<a@example.org>\r\n',
      'RCPT TO:<joe@example.com>\r\n',
      'DATA\r\n',
      `${content}.\r\n`,
    ];
    let reply = '';
    for (const text of dialogue) {
      for (const octet of text) {
        sender.write(octet);
        await sent();
      }
      reply = await sender.reply();
    }
    assert.match(reply, /^250 2\.0\.0 Ok: queued as MID \d+$/);
    await sender.quit();
    assert.deepEqual(await originals(), [content]);
  });
});

describe('what a client says without waiting', () => {
  it('in one packet, three whole transactions, is answered in order', async () => {
    const sender = await intake.open();
    const contents = ['one', 'two', 'three'].map((text) => `${HEAD}${text}\r\n`);
    const begin = 'MAIL FROM:<a@example.org>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\n';
    sender.write(`${contents.map((content) => `${begin}${content}.\r\n`).join('')}QUIT\r\n`);
    const codes: string[] = [];
    for (let n = 0; n < 13; n += 1) codes.push((await sender.reply()).slice(0, 3));
    const transaction = ['250', '250', '354', '250'];
    assert.deepEqual(codes, [...transaction, ...transaction, ...transaction, '221']);
    await sender.closed;
    assert.deepEqual(await originals(), contents);
  });

  it('is answered line by line when it is nonsense, and harms nobody', async () => {
    const [sender, other] = [await intake.open(), await intake.open()];
    sender.write(`${'\0\xff garbage\r\n'.repeat(5)}NOOP\r\n`);
    for (let n = 0; n < 5; n += 1) assert.match(await sender.reply(), /^500 5\.5\.2 /);
    assert.match(await sender.reply(), /^250 /);
    assert.match(await transact(other, ENVELOPE, Buffer.from(HEAD)), /^250 /);
    await sender.quit();
    await other.quit();
  });

  it('after a refused MAIL is refused, too: no message is made of it', async () => {
    const sender = await intake.open();
    sender.write('MAIL FROM:<a@b@c>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\n');
    const codes = [await sender.reply(), await sender.reply(), await sender.reply()].map((reply) =>
      reply.slice(0, 3),
    );
    assert.deepEqual(codes, ['501', '503', '503']);
    await sender.quit();
  });
});

describe('what was said in clear text is not known under TLS', () => {
  for (const smuggled of [
    'MAIL FROM:<injected@example.org>\r\n',
    'EHLO injected.example\r\nMAIL FROM:<injected@example.org>\r\nRCPT TO:<joe@example.com>\r\n',
    'NOOP\r\n'.repeat(500),
    'MAIL FROM:<half',
  ]) {
    it(`behind STARTTLS: ${JSON.stringify(smuggled.slice(0, 40))}`, async () => {
      const sender = await intake.open();
      sender.write(`STARTTLS\r\n${smuggled}`);
      assert.match(await sender.reply(), /^220 /);
      await sender.upgrade();
      assert.match(await sender.say('RCPT TO:<joe@example.com>'), /^503 5\.5\.1 .*EHLO first$/);
      await sender.say('EHLO a.example');
      assert.match(await sender.say('RCPT TO:<joe@example.com>'), /^503 5\.5\.1 .*MAIL/);
      assert.match(await transact(sender, ENVELOPE, Buffer.from(HEAD)), /^250 /);
      await sender.quit();
      assert.deepEqual(
        (await here.stored.active()).map((copy) => copy.sender),
        ['a@example.org'],
      );
    });
  }

  it('before STARTTLS: transaction and forwarded address', async () => {
    const sender = await intake.open();
    await sender.say('XFORWARD ADDR=203.0.113.9');
    await sender.say('MAIL FROM:<injected@example.org>');
    await sender.say('STARTTLS');
    await sender.upgrade();
    await sender.say('EHLO a.example');
    assert.match(await sender.say('RCPT TO:<joe@example.com>'), /^503 /);
    assert.match(await transact(sender, ENVELOPE, Buffer.from(HEAD)), /^250 /);
    await sender.quit();
    assert.deepEqual(
      (await here.stored.active()).map(({ clientAddress }) => clientAddress),
      [undefined],
    );
  });
});

describe('addresses are kept as they were sent, and none that a gateway takes is refused', () => {
  const ADDRESSES: readonly (readonly [path: string, address: string])[] = [
    ['<Joe.User+tag@Example.COM>', 'Joe.User+tag@Example.COM'],
    ['<@relay.example,@other.example:joe@example.com>', 'joe@example.com'],
    ['<"john doe"@example.com>', '"john doe"@example.com'],
    ['<"a@b"@example.com>', '"a@b"@example.com'],
    ['<"a>b"@example.com>', '"a>b"@example.com'],
    ['<.user.@example.com>', '.user.@example.com'],
    ['<joe@xn--bcher-kva.example>', 'joe@xn--bcher-kva.example'],
    ['<j\u00f6rg@B\u00fccher.example>', 'j\u00f6rg@xn--bcher-kva.example'],
    ['<joe@[192.0.2.1]>', 'joe@[192.0.2.1]'],
    ['<joe@[IPv6:2001:db8::1]>', 'joe@[IPv6:2001:db8::1]'],
    [`<${'a'.repeat(300)}@example.com>`, `${'a'.repeat(300)}@example.com`],
    ["<o'brien/x=y!#$%&*?^_`{|}~@example.com>", "o'brien/x=y!#$%&*?^_`{|}~@example.com"],
  ];
  for (const [path, address] of ADDRESSES) {
    it(path.slice(0, 50), async () => {
      const sender = await intake.open();
      assert.match(await sender.say(`MAIL FROM:${path} SMTPUTF8 BODY=8BITMIME`), /^250 2\.1\.0 /);
      assert.match(await sender.say(`RCPT TO:${path}`), /^250 2\.1\.5 /);
      await sender.say('DATA');
      sender.write(dataBlock(Buffer.from(HEAD)));
      assert.match(await sender.reply(), /^250 /);
      await sender.quit();
      const [copy] = await here.stored.active();
      assert.deepEqual([copy?.sender, copy?.recipients], [address, [address]]);
      await waitUntil(() => intake.lines().some((line) => line.endsWith(` RID 0 To: <${address}>`)));
    });
  }

  it('the null sender, and postmaster without a domain', async () => {
    const sender = await intake.open();
    const reply = await transact(sender, { from: '', to: ['Postmaster'] }, Buffer.from(HEAD));
    assert.match(reply, /^250 /);
    await sender.quit();
    const [copy] = await here.stored.active();
    assert.deepEqual([copy?.sender, copy?.recipients], ['', ['Postmaster']]);
  });
});

describe('over LMTP', () => {
  const open = async (): Promise<SmtpSender> => {
    const sender = await openSender(intake.addresses['lmtp'] ?? '');
    assert.match(await sender.say('EHLO a.example'), /^500 /);
    assert.match(await sender.say('LHLO a.example'), /^250-/);
    return sender;
  };

  it('every recipient has a reply, also when one is named twice', async () => {
    const sender = await open();
    await sender.say('MAIL FROM:<a@example.org>');
    for (const name of ['joe', 'ann', 'JOE'])
      assert.match(await sender.say(`RCPT TO:<${name}@example.com>`), /^250 /);
    await sender.say('DATA');
    sender.write(dataBlock(Buffer.from(HEAD)));
    const replies = [await sender.reply(), await sender.reply(), await sender.reply()];
    for (const reply of replies) assert.match(reply, /^250 2\.0\.0 Ok: queued as MID \d+$/);
    assert.match(await sender.say('NOOP'), /^250 2\.0\.0 OK$/);
    await sender.quit();
    const copies = await here.stored.active();
    assert.deepEqual(
      copies.map(({ recipients }) => recipients),
      [['joe@example.com', 'ann@example.com']],
    );
  });
});

describe('of whatever octets a message is made, they are kept', () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
  const CASES: readonly (readonly [name: string, message: Buffer, bare: 'none' | 'wrap'])[] = [
    ['none at all', Buffer.alloc(0), 'none'],
    ['text without a header', Buffer.from('just text\r\n'), 'none'],
    ['a line of 200,000 octets', Buffer.from(`${HEAD}${'x'.repeat(200_000)}\r\n`), 'none'],
    ['a header of 300,000 octets', Buffer.from(`X-Long: ${'x\r\n '.repeat(75_000)}y\r\n${HEAD}`), 'none'],
    ['octets of every value', Buffer.concat([Buffer.from(HEAD), every, Buffer.from('\r\n')]), 'wrap'],
  ];
  for (const [name, message, bare] of CASES) {
    it(name, async () => {
      const sender = await intake.open();
      assert.match(await transact(sender, ENVELOPE, message), /^250 /);
      await sender.quit();
      const [copy = assert.fail('no copy')] = await here.stored.active();
      assert.ok((await here.stored.original(copy)).equals(message));
      assert.deepEqual([copy.bareNewlines, copy.eightBit], [bare, bare === 'wrap']);
    });
  }

  it('the same Message-ID twice is two copies', async () => {
    const sender = await intake.open();
    const message = Buffer.from(`Message-ID: <same@example.org>\r\n${HEAD}`);
    for (let n = 0; n < 2; n += 1) assert.match(await transact(sender, ENVELOPE, message), /^250 /);
    await sender.quit();
    const copies = await here.stored.active();
    assert.equal(new Set(copies.map(({ journalId }) => journalId)).size, 2);
    const ids = createJournalIds(Buffer.from(''));
    assert.ok(copies.every(({ journalId }) => !ids.isOurs(journalId)));
  });
});

describe('of a large message, memory holds a little at a time', () => {
  const MB = 1024 * 1024;
  /** What the runtime leaves lying about before it tidies up, five times what is in use: less than any of these messages. */
  const SLACK = 240 * MB;
  let large: IntakeProcess;
  before(async () => {
    large = await here.ground.start({ TDC_SMTP_MAX_MESSAGE_BYTES: String(256 * MB) });
    await sendLarge(4 * MB);
  });
  const residentBytes = async (): Promise<number> =>
    sampleOf(await large.samples(), 'process_resident_memory_bytes') ?? Number.NaN;

  /** Sends so many octets, no faster than they are taken; answers the reply, and how far memory grew meanwhile. */
  async function sendLarge(octets: number): Promise<{ readonly reply: string; readonly growth: number }> {
    const atFirst = await residentBytes();
    let peak = atFirst;
    const sender = await large.open();
    await beginData(sender);
    const socket = sender.release();
    let reply = '';
    socket.on('data', (chunk: Buffer) => {
      reply += chunk.toString('latin1');
    });
    const block = Buffer.from(`${'x'.repeat(1022)}\r\n`.repeat(256));
    for (let left = octets; left > 0; left -= block.length) {
      if (!socket.write(block)) await new Promise((resolve) => socket.once('drain', resolve));
      if (left % (16 * MB) < block.length) peak = Math.max(peak, await residentBytes());
    }
    peak = Math.max(peak, await residentBytes());
    socket.write('.\r\n');
    await waitUntil(() => reply.includes('\n'), { withinSeconds: 60 });
    socket.destroy();
    return { reply, growth: peak - atFirst };
  }

  for (const [name, size, code] of [
    ['of 60 MB over the limit', 316, /^552 5\.3\.4 /],
    ['just within the limit', 255, /^250 2\.0\.0 /],
  ] as const) {
    it(name, async () => {
      const { reply, growth } = await sendLarge(size * MB);
      assert.match(reply, code);
      assert.ok(growth < SLACK, `grew by ${Math.round(growth / MB)} MB`);
      const kept = (await here.stored.active()).map(({ sizeBytes }) => sizeBytes);
      assert.deepEqual(kept, reply.startsWith('250') ? [size * MB] : []);
    });
  }
});
