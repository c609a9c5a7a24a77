import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failureEvents, hardBounceEvents, softBounceEvents } from './bounce-lines.ts';
import type { DeliveryFailure } from './delivery-failure.ts';
import { toDcid, toIcid, toMid, toRid } from './ids.ts';
import type { MailLogEvent } from './mail-log.ts';
import { formatMailLogJson } from './mail-log-json.ts';
import { formatMailLogLine, mailLogText, quoteForLog } from './mail-log-text.ts';

const mid = toMid(14501404);
const dcid = toDcid(4566150);
const icid = toIcid(7);
const intake = 'primary';
const ends = { localAddress: '10.13.0.99', peerAddress: '10.10.55.171', port: 25 };
const AT = Date.UTC(2024, 1, 16, 21, 19, 22);

const NXDOMAIN: Extract<DeliveryFailure, { kind: 'dns' }> = {
  kind: 'dns',
  domain: 'esa.example.com',
  record: 'MX',
  code: 'NXDomain',
};
const SERVFAIL: Extract<DeliveryFailure, { kind: 'dns' }> = { ...NXDOMAIN, code: 'ServFail' };
const REFUSED: DeliveryFailure = {
  kind: 'smtp-reply',
  stage: 'rcpt',
  reply: { code: 450, enhanced: '4.2.1', text: 'Mailbox busy' },
};

const mailLogJson = (at: number, event: MailLogEvent): Readonly<Record<string, unknown>> =>
  JSON.parse(formatMailLogJson(at, event)) as Readonly<Record<string, unknown>>;

/** Every line of spec §7, to the letter. */
const GOLDEN: readonly (readonly [event: MailLogEvent, line: string])[] = [
  [{ kind: 'start', mid, icid }, 'Start MID 14501404 ICID 7'],
  [{ kind: 'from', mid, icid, sender: 'bill@lawfirm.com' }, 'MID 14501404 ICID 7 From: <bill@lawfirm.com>'],
  [{ kind: 'from', mid, icid, sender: '' }, 'MID 14501404 ICID 7 From: <>'],
  [
    { kind: 'to', mid, icid, rid: toRid(0), recipient: 'jim@example.com' },
    'MID 14501404 ICID 7 RID 0 To: <jim@example.com>',
  ],
  [
    { kind: 'aborted', mid, icid, reason: 'the client went away' },
    'Message aborted MID 14501404 ICID 7 - the client went away',
  ],
  [{ kind: 'message-id', mid, messageIdHeader: '<1@x>' }, "MID 14501404 Message-ID '<1@x>'"],
  [{ kind: 'message-id', mid, messageIdHeader: '' }, "MID 14501404 Message-ID ''"],
  [{ kind: 'subject', mid, subject: 'Hello' }, "MID 14501404 Subject 'Hello'"],
  [
    { kind: 'ready', mid, sizeBytes: 1234, sender: 'bill@lawfirm.com' },
    'MID 14501404 ready 1234 bytes from <bill@lawfirm.com>',
  ],
  [
    { kind: 'policy-matched', mid, policy: 'sales_team' },
    'MID 14501404 matched all recipients for per-recipient policy sales_team in the inbound table',
  ],
  [
    { kind: 'split', mid, newMid: toMid(14501405), policy: 'sales_team' },
    'MID 14501404 was split creating MID 14501405 due to a per-recipient policy sales_team in the inbound table',
  ],
  [
    {
      kind: 'enqueued',
      mid,
      messageIdHeader: '<O7afv777xxreILg2OQ@gostrt-sstp-0>',
      intake,
      address: '33c48e-27xp9-05ecb4@beta.cmd.cisco.com',
    },
    "TDC: MID 14501404 with Message-ID '<O7afv777xxreILg2OQ@gostrt-sstp-0>' enqueued for forwarding to Cisco Secure Email Threat Defense to the message intake address 33c48e-27xp9-05ecb4@beta.cmd.cisco.com",
  ],
  [
    { kind: 'new-dcid', dcid, intake, ends },
    'TDC: New SMTP DCID 4566150 interface 10.13.0.99 address 10.10.55.171 port 25',
  ],
  [
    { kind: 'tls-success', dcid, protocol: 'TLSv1.2', cipher: 'ECDHE-RSA-AES128-GCM-SHA256' },
    'DCID 4566150 TLS success protocol TLSv1.2 cipher ECDHE-RSA-AES128-GCM-SHA256',
  ],
  [
    { kind: 'tls-failed', dcid, reason: 'certificate has expired' },
    'DCID 4566150 TLS failed: certificate has expired',
  ],
  [{ kind: 'delivery-start', dcid, mid }, 'TDC: Delivery start DCID 4566150 MID 14501404'],
  [
    { kind: 'delivered', mid, dcid, intake },
    'TDC: MID 14501404 successfully delivered for scanning with Cisco Secure Email Threat Defense.',
  ],
  [{ kind: 'finished', mid }, 'Message finished MID 14501404 done'],
  [
    {
      kind: 'connection-error',
      dcid: toDcid(36),
      intake,
      ends: { localAddress: '10.10.11.63', peerAddress: '10.10.0.3', port: 25 },
      details: 'timeout',
      reason: 'connection timed out',
    },
    'TDC: Connection Error: DCID 36 domain: the.tdc.queue IP: 10.10.0.3 port: 25 details: timeout interface: 10.10.11.63 reason: connection timed out',
  ],
  [
    { kind: 'delayed', dcid, mid, failure: REFUSED },
    "TDC: Delayed: DCID 4566150 MID 14501404 to RID 0 - 4.2.1 - Recipient refused by destination server ('450', ['Mailbox busy'])",
  ],
  [
    { kind: 'pending', mid, until: AT, offsetMinutes: 0 },
    'Message 14501404 to RID [0] pending till Fri Feb 16 21:19:22 2024',
  ],
  [{ kind: 'dns-error', failure: NXDOMAIN, hard: true }, 'DNS Error esa.example.com MX - NXDomain'],
  [
    { kind: 'dns-error', failure: SERVFAIL, hard: false },
    'DNS Temporary Failure esa.example.com MX - ServFail',
  ],
  [
    { kind: 'hard-bounced', mid, failure: NXDOMAIN },
    "TDC: Hard bounced - 5.1.2 - Bad destination host ('000', ['DNS Hard Error looking up esa.example.com (MX) : NXDomain'])",
  ],
  [
    { kind: 'delivery-failed', mid, intake, reason: 'tls' },
    'TDC: MID 14501404 delivery failed to Cisco Secure Email Threat Defense:TLS Error.',
  ],
  [
    { kind: 'delivery-failed', mid, intake, reason: 'dns' },
    'TDC: MID 14501404 delivery failed to Cisco Secure Email Threat Defense: Hard Bounced.',
  ],
  [
    { kind: 'delivery-failed', mid, intake, reason: 'expired' },
    'TDC: MID 14501404 delivery failed to Cisco Secure Email Threat Defense: Delivery expired (message too old).',
  ],
  [
    { kind: 'bounced', dcid: toDcid(0), mid, failure: NXDOMAIN },
    "Bounced: DCID 0 MID 14501404 to RID 0 - Bounced by destination server with response: 5.1.2 - Bad destination host ('000', ['DNS Hard Error looking up esa.example.com (MX) : NXDomain'])",
  ],
  [{ kind: 'dcid-close', dcid }, 'DCID 4566150 close'],
  [
    { kind: 'notice', level: 'warning', name: 'redis-lost', text: 'Redis does not answer' },
    'Redis does not answer',
  ],
];

describe('the mail log', () => {
  for (const [event, line] of GOLDEN) {
    it(`${event.kind}: ${line.slice(0, 60)}`, () => assert.equal(mailLogText(event), line));
  }

  it('puts date and level in front', () => {
    assert.equal(
      formatMailLogLine(AT, { kind: 'finished', mid }, 0),
      'Fri Feb 16 21:19:22 2024 Info: Message finished MID 14501404 done',
    );
    assert.equal(
      formatMailLogLine(AT, { kind: 'notice', level: 'critical', name: 'failed', text: 'no' }, -360),
      'Fri Feb 16 15:19:22 2024 Critical: no',
    );
  });

  it('dates a line by its own second and zone, whatever was logged before', () => {
    const dated = (at: number, offsetMinutes: number): string =>
      formatMailLogLine(at, { kind: 'finished', mid }, offsetMinutes).slice(0, 24);
    assert.equal(dated(AT + 999, 0), 'Fri Feb 16 21:19:22 2024');
    assert.equal(dated(AT + 1000, 0), 'Fri Feb 16 21:19:23 2024');
    assert.equal(dated(AT + 1000, 60), 'Fri Feb 16 22:19:23 2024');
    assert.equal(dated(AT, 60), 'Fri Feb 16 22:19:22 2024');
  });

  it('has no line that a sender can write himself', () => {
    const text = fc.string({ unit: 'binary', maxLength: 700 });
    fc.assert(
      fc.property(text, (value) => {
        const events: MailLogEvent[] = [
          { kind: 'from', mid, icid, sender: value },
          { kind: 'subject', mid, subject: value },
          { kind: 'enqueued', mid, messageIdHeader: value, intake, address: value },
          {
            kind: 'bounced',
            dcid,
            mid,
            failure: { kind: 'smtp-reply', stage: 'data', reply: { code: 550, text: value } },
          },
        ];
        for (const event of events)
          assert.doesNotMatch(mailLogText(event), /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      }),
    );
    assert.equal(quoteForLog('a\r\nTDC: MID 1'), 'a\\x0d\\x0aTDC: MID 1');
    assert.equal(quoteForLog('x'.repeat(501)).length, 503);
  });
});

/** What an event holds of closed sets; all else may come from outside. */
const CLOSED: ReadonlySet<string> = new Set(['kind', 'level', 'stage', 'code', 'enhanced', 'record', 'name']);

/** The same event with every open text replaced. */
function poisoned<T>(value: T, hostile: string, key = ''): T {
  if (typeof value === 'string') return (CLOSED.has(key) ? value : hostile) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, poisoned(member, hostile, name)]),
  ) as T;
}

describe('whatever stands in an event', () => {
  it('is one line of bounded length, without controls', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 700 }),
      fc.constantFrom('\r\nTDC: MID 1', '\u001b[2J', '\u0085', '\u2029', '\u0000'.repeat(9999)),
    );
    fc.assert(
      fc.property(fc.constantFrom(...GOLDEN), hostile, ([event], text) => {
        const line = mailLogText(poisoned(event, text));
        assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
        assert.ok(line.length < 9000);
      }),
    );
  });

  it('is not cut within a character', () => {
    assert.equal(quoteForLog(`${'x'.repeat(499)}\u{1f600}`), `${'x'.repeat(499)}...`);
    assert.equal(quoteForLog(`${'x'.repeat(498)}\u{1f600}y`), `${'x'.repeat(498)}\u{1f600}...`);
  });
});

describe('the JSON form', () => {
  it('tells an error of a DNS server as temporary, whatever comes of it', () => {
    const statusOf = (event: MailLogEvent) =>
      (mailLogJson(AT, event)['failure'] as { status: string }).status;
    assert.equal(statusOf({ kind: 'dns-error', failure: SERVFAIL, hard: false }), '4.4.3');
    assert.equal(statusOf({ kind: 'dns-error', failure: NXDOMAIN, hard: true }), '5.1.2');
    assert.equal(statusOf({ kind: 'delayed', dcid, mid, failure: SERVFAIL }), '4.4.3');
    assert.equal(statusOf({ kind: 'bounced', dcid, mid, failure: SERVFAIL }), '5.4.3');
  });

  it('has no failure where the deadline was it', () => {
    assert.deepEqual(mailLogJson(AT, { kind: 'hard-bounced', mid }), {
      time: '2024-02-16T21:19:22.000Z',
      level: 'info',
      event: 'hard-bounced',
      text: "TDC: Hard bounced - 5.4.7 - Delivery expired (message too old) ('000', ['timeout'])",
      mid: 14501404,
    });
  });

  it('names the ends of a connection', () => {
    assert.deepEqual(mailLogJson(AT, { kind: 'new-dcid', dcid, intake, ends })['ends'], {
      local_address: '10.13.0.99',
      peer_address: '10.10.55.171',
      port: 25,
    });
  });

  it('cannot lose its own fields to those of a notice', () => {
    const fields = { time: 'x', level: 'x', event: 'x', text: 'x', mid: 1 };
    const json = mailLogJson(AT, {
      kind: 'notice',
      level: 'warning',
      name: 'odd',
      text: 'what it is',
      fields,
    });
    assert.deepEqual(json, {
      time: '2024-02-16T21:19:22.000Z',
      level: 'warning',
      event: 'odd',
      text: 'what it is',
      mid: 1,
    });
  });

  it('is of bounded length too', () => {
    const long = 'x'.repeat(100_000);
    for (const [event] of GOLDEN) {
      assert.ok(formatMailLogJson(AT, poisoned(event, long)).length < 9000, event.kind);
    }
    assert.equal(
      mailLogJson(AT, { kind: 'subject', mid, subject: long })['subject'],
      `${'x'.repeat(500)}...`,
    );
  });

  it('tells the same event with fields', () => {
    assert.deepEqual(mailLogJson(AT, { kind: 'delivered', mid, dcid, intake }), {
      time: '2024-02-16T21:19:22.000Z',
      level: 'info',
      event: 'delivered',
      text: 'TDC: MID 14501404 successfully delivered for scanning with Cisco Secure Email Threat Defense.',
      mid: 14501404,
      dcid: 4566150,
      intake: 'primary',
    });
  });

  it('names what failed, with status, code and reply', () => {
    const json = mailLogJson(AT, { kind: 'bounced', dcid, mid, failure: NXDOMAIN });
    assert.deepEqual(json['failure'], {
      kind: 'dns',
      status: '5.1.2',
      code: '000',
      reply: 'DNS Hard Error looking up esa.example.com (MX) : NXDomain',
    });
  });

  it('calls a notice by its name', () => {
    const notice: MailLogEvent = {
      kind: 'notice',
      level: 'info',
      name: 'policy-revision',
      text: 'revision 3',
      fields: { revision: 3 },
    };
    const { event, revision } = mailLogJson(AT, notice);
    assert.deepEqual({ event, revision }, { event: 'policy-revision', revision: 3 });
  });

  for (const [event] of GOLDEN) {
    it(`${event.kind} is one line of JSON in snake case`, () => {
      assert.doesNotMatch(formatMailLogJson(AT, event), /\n/);
      for (const key of Object.keys(mailLogJson(AT, event))) assert.match(key, /^[a-z0-9_]+$/);
    });
  }
});

describe('the lines of a copy that failed', () => {
  const copy = { mid, intake, dcid: toDcid(0) };
  const kinds = (events: readonly MailLogEvent[]): string[] => events.map(({ kind }) => kind);

  it('follow the order of the sample', () => {
    assert.deepEqual(kinds([...failureEvents(NXDOMAIN), ...hardBounceEvents(copy, 'dns', NXDOMAIN)]), [
      'dns-error',
      'hard-bounced',
      'delivery-failed',
      'bounced',
    ]);
  });
  it('are one for a TLS error', () => {
    assert.deepEqual(kinds(hardBounceEvents(copy, 'tls', { kind: 'tls', reason: 'protocol', detail: '' })), [
      'delivery-failed',
    ]);
  });
  it('name the deadline when it was the deadline, whatever failed last', () => {
    const texts = hardBounceEvents(copy, 'expired', REFUSED).map(mailLogText);
    assert.match(texts[0] ?? '', /^TDC: Hard bounced - 5\.4\.7 - Delivery expired/);
  });
  it('are two while it will be tried again', () => {
    assert.deepEqual(kinds(softBounceEvents(copy, REFUSED, { until: AT, offsetMinutes: 0 })), [
      'delayed',
      'pending',
    ]);
  });
});
