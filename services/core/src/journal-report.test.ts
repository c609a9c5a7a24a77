import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bccFrame } from './bcc-headers.ts';
import { toMid } from './ids.ts';
import type { JournalCopy } from './journal-copy.ts';
import { boundaryOf, journalFrame, journalReportLines } from './journal-report.ts';

const COPY: JournalCopy = {
  mid: toMid(17),
  journalId: '00112233445566778899aabb-ffeeddccbbaa998877665544',
  route: {
    intake: 'primary',
    address: 'journal@setd.example',
    port: 25,
    format: 'journal',
    envelopeSender: '',
    remoteIpHeader: 'X-IronPort-RemoteIP',
  },
  policy: 'DEFAULT',
  policyRevision: 1,
  sender: 'bill@lawfirm.example',
  recipients: ['joe@example.com', 'ann@example.com'],
  clientAddress: '203.0.113.7',
  messageIdHeader: '<1@lawfirm.example>',
  sizeBytes: 10,
  sha256: '',
  eightBit: false,
  smtpUtf8: false,
  bareNewlines: 'none',
  enqueuedAt: 0,
  expiresAt: 120_000,
};
const NOW = Date.UTC(2024, 1, 16, 21, 19, 22);

const text = (octets: Uint8Array): string => new TextDecoder('latin1').decode(octets);
/** What is sent for a text, a character an octet. */
const sent = (said: string): string => text(new TextEncoder().encode(said));
const preambleOf = (copy: JournalCopy, subject = 'Hello'): string =>
  sent(journalFrame({ copy, subject, now: NOW }).preamble);

describe('the journal report', () => {
  it('lists sender, subject, Message-Id and every recipient of the splinter', () => {
    assert.deepEqual(journalReportLines({ copy: COPY, subject: 'Hello', now: NOW }), [
      'Sender: bill@lawfirm.example',
      'Subject: Hello',
      'Message-Id: <1@lawfirm.example>',
      'Recipient: joe@example.com',
      'Recipient: ann@example.com',
    ]);
  });

  it('stands in front of the original, whole', () => {
    const boundary = boundaryOf(COPY.journalId);
    assert.equal(
      preambleOf(COPY),
      [
        'Date: Fri, 16 Feb 2024 21:19:22 +0000',
        'From: Threat Defense Connector <tdc@the.tdc.queue>',
        'To: <journal@setd.example>',
        'Subject: Hello',
        `Message-ID: <${COPY.journalId}@the.tdc.queue>`,
        'Auto-Submitted: auto-generated',
        'X-IronPort-RemoteIP: 203.0.113.7',
        `X-TDC-Journal-ID: ${COPY.journalId}`,
        'MIME-Version: 1.0',
        'Content-Type: multipart/mixed;',
        ` boundary="${boundary}"`,
        'Content-Transfer-Encoding: 7bit',
        '',
        `--${boundary}`,
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: 7bit',
        '',
        'Sender: bill@lawfirm.example',
        'Subject: Hello',
        'Message-Id: <1@lawfirm.example>',
        'Recipient: joe@example.com',
        'Recipient: ann@example.com',
        '',
        `--${boundary}`,
        'Content-Type: message/rfc822',
        'Content-Transfer-Encoding: 7bit',
        '',
        '',
      ].join('\r\n'),
    );
  });

  it('ends with a boundary whose line end is its own', () => {
    const { epilogue, boundary } = journalFrame({ copy: COPY, subject: '', now: NOW });
    assert.equal(sent(epilogue), `\r\n--${boundary}--\r\n`);
  });

  it('leaves long lines as they are only where SMTP can carry them', () => {
    for (const [length, encoding] of [
      [888, '7bit'],
      [889, 'quoted-printable'],
    ] as const) {
      const preamble = preambleOf({ ...COPY, messageIdHeader: 'x'.repeat(length) });
      assert.match(preamble, new RegExp(`charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n`));
    }
  });

  it('is plain however many its short lines are', () => {
    const recipients = Array.from({ length: 300 }, (_, n) => `recipient-${n}@example.com`);
    const preamble = preambleOf({ ...COPY, recipients });
    assert.doesNotMatch(preamble, /quoted-printable/);
    for (const recipient of recipients) assert.ok(preamble.includes(`\r\nRecipient: ${recipient}\r\n`));
  });

  it('labels 8-bit mail as such', () => {
    assert.equal(
      preambleOf({ ...COPY, eightBit: true }).match(/Content-Transfer-Encoding: 8bit/g)?.length,
      2,
    );
  });

  it('is quoted-printable where it is not ASCII, and the subject an encoded word', () => {
    const preamble = preambleOf(COPY, 'Gr\u00fc\u00dfe');
    assert.match(preamble, /^Subject: =\?UTF-8\?B\?R3LDvMOfZQ==\?=\r$/m);
    assert.match(preamble, /^Content-Transfer-Encoding: quoted-printable\r$/m);
    assert.match(preamble, /^Subject: Gr=C3=BC=C3=9Fe\r$/m);
  });

  it('wraps what SMTP cannot carry as base64', () => {
    const frame = journalFrame({
      copy: { ...COPY, bareNewlines: 'wrap', eightBit: true },
      subject: '',
      now: NOW,
    });
    assert.equal(frame.base64, true);
    assert.match(
      sent(frame.preamble),
      /Content-Type: application\/octet-stream; name="message-17\.eml"\r\nContent-Transfer-Encoding: base64\r\n/,
    );
    assert.doesNotMatch(sent(frame.preamble), /8bit/);
  });

  it('says when line ends were changed', () => {
    assert.match(preambleOf({ ...COPY, bareNewlines: 'note' }), /^X-TDC-Bare-Newlines: normalized\r$/m);
  });

  it('leaves out a client address that nobody knows', () => {
    const { clientAddress: _, ...unknown } = COPY;
    assert.doesNotMatch(preambleOf(unknown), /RemoteIP/);
  });

  it('folds a subject that is one endless word', () => {
    for (const line of preambleOf(COPY, 'x'.repeat(5000)).split('\r\n')) assert.ok(line.length <= 998);
  });

  it('lets nobody write header fields or lines of 998 octets, whatever is in the message', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 1500 });
    const header = preambleOf(COPY).split('\r\n\r\n')[0] ?? '';
    const names = (section: string) =>
      section
        .split('\r\n')
        .filter((line) => !/^[ \t]/.test(line))
        .map((line) => line.split(':')[0]);
    fc.assert(
      fc.property(anything, anything, (subject, recipient) => {
        const preamble = preambleOf({ ...COPY, recipients: [recipient], messageIdHeader: subject }, subject);
        assert.deepEqual(names(preamble.split('\r\n\r\n')[0] ?? ''), names(header));
        for (const line of preamble.split('\r\n')) {
          assert.ok(line.length <= 998, String(line.length));
          assert.doesNotMatch(line, /[\r\n]/);
        }
      }),
    );
  });
});

/** What a quoted-printable text stands for, a character an octet. */
const unquote = (quoted: string): string =>
  quoted
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => text(Uint8Array.of(Number.parseInt(hex, 16))));

/** Header and body of a part, or of the whole copy. */
function halves(part: string): readonly [header: string, body: string] {
  const end = part.indexOf('\r\n\r\n');
  return [part.slice(0, end), part.slice(end + 4)];
}

/** What a receiver finds in the copy: the parts between the boundary lines (RFC 2046 §5.1.1). */
function partsOf(copy: JournalCopy, subject: string, original: string): readonly string[] {
  const { preamble, epilogue, boundary } = journalFrame({ copy, subject, now: NOW });
  const [, body] = halves(sent(preamble) + original + sent(epilogue));
  const [before, ...parts] = `\r\n${body}`.split(`\r\n--${boundary}`);
  assert.equal(before, '');
  assert.equal(parts.pop(), '--\r\n');
  return parts.map((part) => part.replace(/^\r\n/, ''));
}

describe('what a receiver finds in the copy', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: fc.constantFrom(' ', '=', '<', 'x'), maxLength: 200 }),
  );
  const octets = fc.uint8Array({ maxLength: 300 }).map(text);
  const mail = fc
    .tuple(octets, fc.constantFrom('\r\n', '\r\n\r\n', '.\r\n', '--\r\n', '--=_tdc_\r\n', ''))
    .map(([some, end]) => some + end);

  it('the report and the original, byte for byte, whatever they hold', () => {
    fc.assert(
      fc.property(mail, anything, fc.array(anything), (original, subject, recipients) => {
        const copy = { ...COPY, sender: subject, recipients, eightBit: true };
        const parts = partsOf(copy, subject, original);
        assert.equal(parts.length, 2);
        const [report = '', embedded = ''] = parts;
        assert.deepEqual(halves(embedded), [
          'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit',
          original,
        ]);
        const [header, quoted] = halves(report);
        const plain = header.endsWith(': 7bit') ? quoted : unquote(quoted);
        const lines = journalReportLines({ copy, subject, now: NOW });
        assert.equal(plain, sent(`${lines.join('\r\n')}\r\n`));
      }),
    );
  });

  it('a report whose quoted lines keep to 76 characters, none ending in a blank', () => {
    const unit = fc.constantFrom('ü', '=', '=3D', ' ', 'x', '€');
    fc.assert(
      fc.property(fc.string({ unit, minLength: 80, maxLength: 200 }), (some) => {
        const subject = `ü${some}`;
        const copy = { ...COPY, sender: '' };
        const [report = ''] = partsOf(copy, subject, '');
        const [, quoted] = halves(report);
        for (const line of quoted.split('\r\n')) {
          assert.ok(line.length <= 76, line);
          assert.doesNotMatch(line, / $/);
        }
        const lines = journalReportLines({ copy, subject, now: NOW });
        assert.equal(unquote(quoted), sent(`${lines.join('\r\n')}\r\n`));
      }),
    );
  });

  it('no field that a journal id brought in', () => {
    const copy = { ...COPY, journalId: 'a\r\nBcc: b' };
    assert.doesNotMatch(sent(journalFrame({ copy, subject: '', now: NOW }).preamble), /^Bcc/m);
  });
});

describe('format bcc', () => {
  const bcc: JournalCopy = { ...COPY, route: { ...COPY.route, format: 'bcc' } };

  it('prepends header fields and nothing else', () => {
    const { preamble, epilogue, base64 } = bccFrame(bcc);
    assert.equal(
      sent(preamble),
      'X-CSE-ClientIP: 203.0.113.7\r\nX-CSE-MailFrom: bill@lawfirm.example\r\nX-CSE-RcptTo: joe@example.com, ann@example.com\r\n' +
        `X-CSE-MsgDirection: Incoming\r\nX-IronPort-RemoteIP: 203.0.113.7\r\nX-TDC-Journal-ID: ${COPY.journalId}\r\n`,
    );
    assert.equal(epilogue.length, 0);
    assert.equal(base64, false);
  });

  it('leaves out a client address that nobody knows', () => {
    const { clientAddress: _, ...unknown } = bcc;
    assert.doesNotMatch(sent(bccFrame(unknown).preamble), /ClientIP|RemoteIP/);
  });

  it('names the null sender', () => {
    assert.match(sent(bccFrame({ ...bcc, sender: '' }).preamble), /^X-CSE-MailFrom: \r$/m);
  });

  it('lets nobody write header fields or lines of 998 octets, whatever the addresses hold', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 1500 });
    const names = ['X-CSE-ClientIP', 'X-CSE-MailFrom', 'X-CSE-RcptTo', 'X-CSE-MsgDirection'];
    fc.assert(
      fc.property(anything, fc.array(anything, { minLength: 1, maxLength: 4 }), (sender, recipients) => {
        const preamble = sent(bccFrame({ ...bcc, sender, recipients, clientAddress: sender }).preamble);
        const lines = preamble.split('\r\n');
        assert.equal(lines.pop(), '');
        const found = lines.filter((line) => !line.startsWith(' ')).map((line) => line.split(':')[0]);
        assert.deepEqual(found, [...names, 'X-IronPort-RemoteIP', 'X-TDC-Journal-ID']);
        for (const line of lines) {
          assert.ok(line.length <= 998);
          assert.doesNotMatch(line, /[\r\n]|^ *$/);
        }
      }),
    );
  });

  it('folds a long list of recipients', () => {
    const many = Array.from({ length: 100 }, (_, n) => `recipient-${n}@example.com`);
    for (const line of sent(bccFrame({ ...bcc, recipients: many }).preamble).split('\r\n'))
      assert.ok(line.length <= 78);
  });

  it('notes bare line ends, for there is no part to wrap them in', () => {
    assert.match(
      sent(bccFrame({ ...bcc, bareNewlines: 'wrap' }).preamble),
      /^X-TDC-Bare-Newlines: normalized\r$/m,
    );
  });
});
