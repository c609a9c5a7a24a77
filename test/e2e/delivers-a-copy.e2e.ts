import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readJournal } from '../support/embedded-original.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { sendMail } from '../support/smtp-sender.ts';
import { type Stack, startStack } from '../support/stack.ts';

const MESSAGE = Buffer.from(
  'From: Bill <bill@lawfirm.example>\r\nTo: joe@example.com\r\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n' +
    'Message-ID: <1@lawfirm.example>\r\n\r\n.leading dot\r\n..two dots\r\nGr\u00fc\u00dfe\r\n\r\n',
  'utf8',
);

describe('a clean incoming message', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
    const reply = await sendMail(
      stack.smtp,
      {
        from: 'bill@lawfirm.example',
        to: ['joe@example.com', 'ann@example.com'],
        parameters: 'BODY=8BITMIME',
      },
      MESSAGE,
    );
    assert.match(reply, /^250 2\.\d\.\d Ok: queued as MID 1$/);
    await stack.settled();
  });
  after(() => stack.stop());

  it('logs the six lines of a normal delivery in order', async () => {
    const dcid = /DCID (\d+) MID 1$/.exec(await stack.logged('delivery', /^TDC: Delivery start/))?.[1];
    await stack.logged('intake', /^TDC: MID 1 with /);
    await stack.logged('delivery', /^Message finished MID 1 done$/);
    const lines = [...stack.log('intake'), ...stack.log('delivery')];
    const six = [
      `TDC: MID 1 with Message-ID '<1@lawfirm.example>' enqueued for forwarding to Cisco Secure Email Threat Defense to the message intake address journal@setd.example`,
      `TDC: New SMTP DCID ${dcid} interface 127.0.0.1 address 127.0.0.1 port ${stack.standIn.port}`,
      `DCID ${dcid} TLS success protocol TLSv1.3 cipher TLS_AES_256_GCM_SHA384`,
      `TDC: Delivery start DCID ${dcid} MID 1`,
      'TDC: MID 1 successfully delivered for scanning with Cisco Secure Email Threat Defense.',
      'Message finished MID 1 done',
    ];
    const places = six.map((line) => lines.indexOf(line));
    assert.ok(!places.includes(-1), `${JSON.stringify(places)} in\n${lines.join('\n')}`);
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
  });

  it('logs what intake found, in the order of the gateway', () => {
    assert.deepEqual(
      stack
        .log('intake')
        .filter((line) => /\bMID 1\b/.test(line))
        .slice(0, 8),
      [
        'Start MID 1 ICID 1',
        'MID 1 ICID 1 From: <bill@lawfirm.example>',
        'MID 1 ICID 1 RID 0 To: <joe@example.com>',
        'MID 1 ICID 1 RID 1 To: <ann@example.com>',
        "MID 1 Message-ID '<1@lawfirm.example>'",
        "MID 1 Subject 'Gr\u00fc\u00dfe'",
        `MID 1 ready ${MESSAGE.length} bytes from <bill@lawfirm.example>`,
        'MID 1 matched all recipients for per-recipient policy DEFAULT in the inbound table',
      ],
    );
  });

  it('arrives once, under TLS, from the null sender, for the intake address alone', () => {
    assert.equal(stack.standIn.messages.length, 1);
    const [message] = stack.standIn.messages;
    assert.equal(message?.mailFrom, '');
    assert.deepEqual(message?.rcptTo, ['journal@setd.example']);
    assert.equal(message?.tls?.protocol, 'TLSv1.3');
    assert.match(message?.mailParameters ?? '', /\bBODY=8BITMIME\b/);
    assert.match(message?.mailParameters ?? '', new RegExp(`\\bSIZE=${message?.size}\\b`));
  });

  it('is journaled: a report of the envelope, and the original octet for octet', () => {
    const copy = readJournal(stack.standIn.octets(1) ?? Buffer.alloc(0));
    assert.deepEqual(copy.report, [
      'Sender: bill@lawfirm.example',
      'Subject: Gr\u00fc\u00dfe',
      'Message-Id: <1@lawfirm.example>',
      'Recipient: joe@example.com',
      'Recipient: ann@example.com',
    ]);
    assert.equal(copy.originalType, 'message/rfc822');
    assert.ok(copy.original.equals(MESSAGE));
    assert.match(copy.headers.get('x-tdc-journal-id') ?? '', /^[0-9a-f]{24}-[0-9a-f]{24}$/);
  });

  it('is one delivered recipient in the counters and in tracking', async () => {
    const samples = await stack.metrics('monitor');
    const labels = { queue: 'the.tdc.queue', intake: 'primary' };
    assert.equal(sampleOf(samples, 'tdc_delivered_recipients_total', labels), 1);
    assert.equal(sampleOf(samples, 'tdc_active_recipients', labels), 0);
    assert.equal(sampleOf(samples, 'tdc_messages_seen_total'), 1);
    assert.equal(sampleOf(samples, 'tdc_accounting_difference'), 0);
    const copy = await stack.track(1);
    assert.equal(copy?.state, 'delivered');
    assert.deepEqual(copy?.recipients, ['joe@example.com', 'ann@example.com']);
  });
});
