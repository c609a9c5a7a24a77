import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import type { Mid } from '@tdc/core';
import {
  closeRedis,
  connectRedis,
  createJournalIds,
  createJournalQueueWorker,
  createRedisKeys,
  loadJournalIdSecret,
  type QueuedCopies,
} from '@tdc/platform';
import { type Handed, handOver, type IntakeProcess, prepareIntake } from '../support/intake-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import type { Envelope } from '../support/smtp-sender.ts';
import { midsOf, queuedIn } from '../support/stored-copies.ts';
import { useIntake } from '../support/use-intake.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The table of the acceptance data, and a policy each for very many people. */
const MANY = 160;
const EVERYBODY = Array.from({ length: MANY }, (_, n) => `user${n}@many.example`);
const DOCUMENT = `
version: 1
intakes:
  primary: { address: journal@setd.example }
  acquired: { address: acquired@setd.example, format: bcc, host: mx.acquired.example, port: 2525 }
defaultIntake: primary
groups:
  engineers: [bob@example.com, fred@example.com]
policies:
  - name: special_people
    users: [{ recipient: { listed: [joe@example.com, ann@example.com] } }]
  - name: from_lawyers
    users: [{ sender: { oneOf: ["@lawfirm.com"] } }]
  - name: acquired_domains
    users: [{ recipient: { listed: ["@newdomain.com", "@anotherexample.com"] } }]
    connector: { custom: acquired }
  - name: engineering
    users: [{ recipient: { listed: ["group:engineers"] } }]
    connector: no-scan
  - name: sales_team
    users: [{ recipient: { listed: ["jim@", "john@", "larry@"] } }]
${EVERYBODY.map((user, n) => `  - { name: user_${n}, users: [{ recipient: { listed: ["${user}"] } }] }`).join('\n')}
`;

let intake: IntakeProcess;
const here = useIntake(DOCUMENT, async ({ ground }) => {
  intake = await ground.start();
});
beforeEach(() => here.stored.clear());

const messageOf = (from: string): Buffer =>
  Buffer.from(`From: <${from}>\r\nSubject: example\r\nMessage-ID: <example@test>\r\n\r\n${from}\r\n`);

const hand = (
  envelope: Envelope,
  message: Buffer,
  { to = intake, commands = [] as readonly string[] } = {},
): Promise<Handed> => handOver(to, { envelope, message, commands });

describe('the worked examples', () => {
  interface Example {
    readonly name: string;
    readonly from: string;
    readonly to: readonly string[];
    readonly copies: readonly (readonly [policy: string, address: string, ...recipients: string[]])[];
    readonly skipped: number;
  }
  const PRIMARY = 'journal@setd.example';
  const EXAMPLES: readonly Example[] = [
    {
      name: 'one policy, one copy under the MID of the message',
      from: 'bill@lawfirm.com',
      to: ['jim@example.com'],
      copies: [['from_lawyers', PRIMARY, 'jim@example.com']],
      skipped: 0,
    },
    {
      name: 'three policies, three splinters, one of them with an intake of its own',
      from: 'joe@yahoo.com',
      to: ['john@example.com', 'jane@newdomain.com', 'bill@example.com'],
      copies: [
        ['acquired_domains', 'acquired@setd.example', 'jane@newdomain.com'],
        ['sales_team', PRIMARY, 'john@example.com'],
        ['DEFAULT', PRIMARY, 'bill@example.com'],
      ],
      skipped: 0,
    },
    {
      name: 'the first match wins, per recipient',
      from: 'bill@lawfirm.com',
      to: ['ann@example.com', 'larry@example.com'],
      copies: [
        ['special_people', PRIMARY, 'ann@example.com'],
        ['from_lawyers', PRIMARY, 'larry@example.com'],
      ],
      skipped: 0,
    },
    {
      name: 'a splinter under No Scan has no copy',
      from: 'joe@yahoo.com',
      to: ['bob@example.com', 'jim@example.com', 'fred@example.com', 'john@example.com'],
      copies: [['sales_team', PRIMARY, 'jim@example.com', 'john@example.com']],
      skipped: 1,
    },
  ];
  for (const { name, from, to, copies, skipped } of EXAMPLES) {
    it(name, async () => {
      const before = await here.stored.ledger.counters();
      const message = messageOf(from);
      const { reply } = await hand({ from, to }, message);
      const found = await here.stored.active();
      assert.deepEqual(queuedIn(reply), midsOf(found));
      assert.deepEqual(
        found.map(({ policy, route, recipients }) => [policy, route.address, ...recipients]),
        copies,
      );
      assert.equal(await here.stored.bodies(), copies.length);
      for (const copy of found) {
        assert.ok((await here.stored.original(copy)).equals(message));
      }
      const jobs = await Promise.all(found.map(({ mid }) => here.stored.queue.find(mid)));
      assert.deepEqual(new Set(jobs.flatMap((job) => job?.mids ?? [])), new Set(midsOf(found)));
      await waitUntil(async () => (await here.stored.ledger.orphans(Date.now(), 10)).length === 0);
      const counters = await here.stored.ledger.counters();
      assert.equal(counters.seen - before.seen, copies.length + skipped);
      assert.equal((counters.skipped['no-scan'] ?? 0) - (before.skipped['no-scan'] ?? 0), skipped);
    });
  }

  it('a message with more splinters than there are numbers in hand', async () => {
    const { reply } = await hand({ from: 'a@example.org', to: EVERYBODY }, messageOf('a@example.org'));
    assert.match(reply, new RegExp(`^250 .* and ${MANY - 30} more$`));
    const copies = await here.stored.active();
    assert.deepEqual(
      copies.map(({ recipients }) => recipients.join()),
      EVERYBODY,
    );
    assert.equal(new Set(copies.map(({ journalId }) => journalId)).size, MANY);
  });
});

describe('a copy', () => {
  const FROM = 'bill@lawfirm.com';
  const ENVELOPE = { from: FROM, to: ['jim@example.com', 'JIM@Example.com'] };

  it('knows all that delivery has to know, and its job is the same', async () => {
    const before = Date.now();
    const message = messageOf(FROM);
    await hand(ENVELOPE, message, { commands: ['XFORWARD ADDR=203.0.113.9'] });
    const [copy = assert.fail('no copy')] = await here.stored.active();
    const { mid, journalId, enqueuedAt, ...rest } = copy;
    assert.deepEqual(rest, {
      route: {
        intake: 'primary',
        address: 'journal@setd.example',
        port: 25,
        format: 'journal',
        envelopeSender: '',
        remoteIpHeader: 'X-IronPort-RemoteIP',
      },
      policy: 'from_lawyers',
      policyRevision: 1,
      sender: FROM,
      recipients: ['JIM@Example.com'],
      clientAddress: '203.0.113.9',
      messageIdHeader: '<example@test>',
      sizeBytes: message.length,
      sha256: createHash('sha256').update(message).digest('hex'),
      eightBit: false,
      smtpUtf8: false,
      bareNewlines: 'none',
      expiresAt: enqueuedAt + 120_000,
    });
    assert.ok(enqueuedAt >= before && enqueuedAt <= Date.now());
    const secret = await loadJournalIdSecret(here.stored.redis, createRedisKeys().journalIdSecret);
    assert.ok(createJournalIds(secret).isOurs(journalId));
    assert.deepEqual(await jobOf(mid), { mids: [mid], short: true, expiresAt: copy.expiresAt });
  });

  /** The job of the only copy, as a worker gets it. */
  async function jobOf(mid: Mid): Promise<QueuedCopies> {
    const jobs: QueuedCopies[] = [];
    const client = connectRedis(here.redis.url, { role: 'blocking' });
    const worker = createJournalQueueWorker(client, {
      prefix: createRedisKeys().prefix,
      async handler(job) {
        jobs.push(job);
        return { kind: 'done' };
      },
      capacity: 1,
      now: Date.now,
      onError: () => undefined,
      onUnhandled: () => undefined,
      waitingJobs: async () => 0,
    });
    try {
      return await waitUntil(() => jobs.find(({ mids }) => mids.includes(mid)), { what: 'the job' });
    } finally {
      await worker.drain(Date.now());
      await closeRedis(client);
    }
  }

  it('lives as long as it was told to, and its body a little longer', async () => {
    const brief = await here.ground.start({ TDC_MAX_QUEUE_AGE_SECONDS: '20' });
    await hand(ENVELOPE, messageOf(FROM), { to: brief });
    const [copy = assert.fail('no copy')] = await here.stored.active();
    assert.equal(copy.expiresAt - copy.enqueuedAt, 20_000);
    const ttl = await here.stored.redis.pttl(createRedisKeys().spool(copy.mid));
    assert.ok(ttl > 70_000 && ttl <= 80_000, String(ttl));
  });

  it('waits in the midst of a long message while others are on their way, and comes in octet for octet', async () => {
    const narrow = await here.ground.start({ TDC_MAX_BYTES_IN_FLIGHT: '1048576' });
    const long = Buffer.from(`Subject: long\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(10_000)}`);
    const replies = await Promise.all(Array.from({ length: 6 }, () => hand(ENVELOPE, long, { to: narrow })));
    for (const { reply } of replies) assert.match(reply, /^250 /);
    const copies = await here.stored.active();
    assert.equal(copies.length, 6);
    for (const copy of copies) assert.ok((await here.stored.original(copy)).equals(long));
    const samples = await narrow.samples();
    assert.equal(sampleOf(samples, 'tdc_intake_bytes_in_flight'), 0);
  });

  it('says what will become of bare line ends', async () => {
    const noting = await here.ground.start({ TDC_BARE_NEWLINES: 'note' });
    for (const [to, handling] of [
      [intake, 'wrap'],
      [noting, 'note'],
    ] as const) {
      await here.stored.clear();
      await hand(ENVELOPE, Buffer.from('Subject: x\r\n\r\na\nb\r\n'), { to });
      const [copy] = await here.stored.active();
      assert.equal(copy?.bareNewlines, handling);
      const samples = await to.samples();
      assert.equal(sampleOf(samples, 'tdc_intake_bare_newline_messages_total', { handling }), 1);
    }
  });

  it('keeps the revision of the policy that made it, whatever is edited later', async () => {
    const other = await prepareIntake(
      here.redis.url,
      'version: 1\nintakes: { one: { address: one@setd.example } }\ndefaultIntake: one\n',
    );
    try {
      const edited = await other.start();
      await hand(ENVELOPE, messageOf(FROM), { to: edited });
      const inForce = () => edited.lines().filter((line) => line.endsWith(' is in force')).length;
      const revisions = await waitUntil(inForce);
      writeFileSync(
        other.policyFile,
        'version: 1\nintakes: { two: { address: two@setd.example } }\ndefaultIntake: two\n',
      );
      await waitUntil(() => inForce() > revisions);
      await hand(ENVELOPE, messageOf(FROM), { to: edited });
      const [first, second] = await here.stored.active();
      assert.deepEqual([first?.route.intake, second?.route.intake], ['one', 'two']);
      assert.equal((second?.policyRevision ?? 0) - (first?.policyRevision ?? 0), 1);
      assert.equal(sampleOf(await edited.samples(), 'tdc_policy_revision'), second?.policyRevision);
    } finally {
      await other.remove();
    }
  });
});

describe('the log', () => {
  /** MIDs counted from the first, and nothing else that differs from run to run. */
  const shape = (lines: readonly string[]): readonly string[] => {
    const first = Number(/^Start MID (\d+)/.exec(lines[0] ?? '')?.[1]);
    return lines.map((line) =>
      line
        .replace(/ICID \d+/, 'ICID #')
        .replace(/MID (\d+)/g, (_, mid: string) => `MID ${Number(mid) - first}`)
        .replace(/ready \d+ bytes/, 'ready # bytes'),
    );
  };
  /** That the message has these lines, from the given one on; the pipe may be behind the reply. */
  async function expectLines({ lines }: Handed, expected: readonly string[], from = 0): Promise<void> {
    await waitUntil(() => lines().length >= from + expected.length, { what: 'the lines' });
    assert.deepEqual(shape(lines()).slice(from), expected);
  }

  it('has the lines of a message in the gateway’s order', async () => {
    const handed = await hand(
      { from: 'bill@lawfirm.com', to: ['jim@example.com', 'bill@example.com'] },
      messageOf('bill@lawfirm.com'),
    );
    await expectLines(handed, [
      'Start MID 0 ICID #',
      'MID 0 ICID # From: <bill@lawfirm.com>',
      'MID 0 ICID # RID 0 To: <jim@example.com>',
      'MID 0 ICID # RID 1 To: <bill@example.com>',
      "MID 0 Message-ID '<example@test>'",
      "MID 0 Subject 'example'",
      'MID 0 ready # bytes from <bill@lawfirm.com>',
      'MID 0 matched all recipients for per-recipient policy from_lawyers in the inbound table',
      "TDC: MID 0 with Message-ID '<example@test>' enqueued for forwarding to Cisco Secure Email Threat Defense to the message intake address journal@setd.example",
    ]);
  });

  it('names each splinter, and a skipped one has no TDC line', async () => {
    const handed = await hand(
      { from: 'joe@yahoo.com', to: ['bob@example.com', 'jim@example.com'] },
      messageOf('joe@yahoo.com'),
    );
    await expectLines(
      handed,
      [
        'MID 0 was split creating MID 1 due to a per-recipient policy engineering in the inbound table',
        'MID 0 was split creating MID 2 due to a per-recipient policy sales_team in the inbound table',
        "TDC: MID 2 with Message-ID '<example@test>' enqueued for forwarding to Cisco Secure Email Threat Defense to the message intake address journal@setd.example",
      ],
      7,
    );
  });

  it('ends a message that is skipped as a whole where it is ready', async () => {
    const handed = await hand(
      { from: 'a@example.org', to: ['jim@example.com'] },
      Buffer.concat([Buffer.from('X-Virus-Status: Infected\r\n'), messageOf('a@example.org')]),
    );
    assert.match(handed.reply, /^250 2\.0\.0 Ok: MID \d+ accepted, no copy due$/);
    await expectLines(
      handed,
      [
        'MID 0 ready # bytes from <a@example.org>',
        'MID 0 matched all recipients for per-recipient policy sales_team in the inbound table',
      ],
      5,
    );
    assert.equal(await here.stored.bodies(), 0);
  });

  it('cannot be written by a sender', async () => {
    const forged =
      'Subject: =?utf-8?q?x=0D=0AFri_Feb_16_21:19:22_2024_Info:_TDC:_MID_1_forged?=\r\nMessage-ID: <a\0b>\r\n\r\n';
    const { lines } = await hand({ from: 'a@example.org', to: ['jim@example.com'] }, Buffer.from(forged));
    await waitUntil(() => lines().some((line) => line.startsWith('TDC: ')));
    assert.ok(lines().some((line) => line.endsWith("Message-ID '<a\\x00b>'")));
    assert.equal(
      lines().filter((line) => line.includes('MID 1 forged') && !line.includes(' Subject ')).length,
      0,
    );
  });
});
