import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  type MailLogEvent,
  mailLogText,
  type PolicySnapshot,
  parseNetwork,
  parsePolicyDocument,
  toIcid,
  toMid,
} from '@tdc/core';
import { createJournalIds } from '@tdc/platform';
import { createFakeStores, failing } from '../../../../test/support/fake-stores.ts';
import type { AcceptancePorts, IncomingMessage } from '../ports.ts';
import { type AcceptanceRules, createAcceptMessage } from './accept-message.ts';
import { createAdmission } from './admission.ts';

const NOW = 1_700_000_000_000;

function snapshotOf(policies: unknown = [], rest: Record<string, unknown> = {}): PolicySnapshot {
  const parsed = parsePolicyDocument({
    version: 1,
    intakes: { primary: { address: 'journal@setd.example' } },
    defaultIntake: 'primary',
    policies,
    ...rest,
  });
  assert.ok(parsed.kind === 'valid', JSON.stringify(parsed));
  return { revision: 5, sha256: '', document: parsed.document };
}

const RULES: AcceptanceRules = {
  trustedPeers: [parseNetwork('127.0.0.0/8') ?? assert.fail()],
  bareNewlines: 'wrap',
  maxQueueAgeSeconds: 120,
  maxMessageBytes: 50_000_000,
};

async function* octets(text: string) {
  yield Buffer.from(text, 'latin1');
}

const MESSAGE = 'Message-ID: <1@lawfirm.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nText\r\n';

const incoming = (changes: Partial<IncomingMessage> = {}, text = MESSAGE): IncomingMessage => ({
  icid: toIcid(7),
  peer: { address: '127.0.0.1', trusted: true, forwardedAddress: '203.0.113.9', login: false },
  sender: 'bill@lawfirm.com',
  recipients: ['jim@example.com'],
  smtpUtf8: false,
  declaredBytes: undefined,
  body: octets(text),
  tooLarge: () => false,
  whenGone: () => undefined,
  ...changes,
});

/** Intake over stores in memory; MIDs from 1. */
function world(changes: Partial<AcceptancePorts> = {}, rules: Partial<AcceptanceRules> = {}) {
  const stores = createFakeStores();
  const events: MailLogEvent[] = [];
  const late = new AbortController();
  let lastMid = 0;
  const storage = { ...stores, journalIds: createJournalIds(Buffer.from('key')) };
  const accept = createAcceptMessage(
    {
      storage: () => storage,
      policy: () => snapshotOf(),
      takeMids: async (count) =>
        Array.from({ length: count }, () => {
          lastMid += 1;
          return toMid(lastMid);
        }),
      admission: createAdmission({
        maxBytes: 64_000_000,
        patienceMs: 1000,
        storeHasRoom: () => true,
        lookAgain: async () => undefined,
      }),
      storeDeadline: () => late.signal,
      log: (event) => void events.push(event),
      now: () => NOW,
      ...changes,
    },
    { ...RULES, ...rules },
  );
  return { accept, stores, storage, late, lines: () => events.map(mailLogText) };
}

describe('a message that is clean and incoming', () => {
  it('is accepted once its copy is safe', async () => {
    const { accept, stores } = world();
    assert.deepEqual(await accept(incoming()), {
      kind: 'accepted',
      mid: 1,
      queued: [1],
      sizeBytes: MESSAGE.length,
      bareNewlines: 'none',
      ignoredHeaders: 0,
    });
    const copy = stores.jobs.get(toMid(1)) ?? assert.fail('no job');
    assert.equal(copy, stores.committed.get(copy.mid));
    assert.equal(stores.bodies.get(copy.mid)?.toString('latin1'), MESSAGE);
    assert.deepEqual(
      [copy.sha256, copy.policyRevision, copy.clientAddress, copy.enqueuedAt, copy.expiresAt],
      [createHash('sha256').update(MESSAGE).digest('hex'), 5, '203.0.113.9', NOW, NOW + 120_000],
    );
    assert.ok(stores.confirmed.has(copy.mid));
  });

  it('is logged as the gateway logs it', async () => {
    const { accept, lines } = world();
    await accept(incoming({ recipients: ['jim@example.com', 'ann@example.com'] }));
    assert.deepEqual(lines(), [
      'Start MID 1 ICID 7',
      'MID 1 ICID 7 From: <bill@lawfirm.com>',
      'MID 1 ICID 7 RID 0 To: <jim@example.com>',
      'MID 1 ICID 7 RID 1 To: <ann@example.com>',
      "MID 1 Message-ID '<1@lawfirm.com>'",
      "MID 1 Subject 'Grüße'",
      `MID 1 ready ${MESSAGE.length} bytes from <bill@lawfirm.com>`,
      'MID 1 matched all recipients for per-recipient policy DEFAULT in the inbound table',
      "TDC: MID 1 with Message-ID '<1@lawfirm.com>' enqueued for forwarding to Cisco Secure Email Threat Defense to the message intake address journal@setd.example",
    ]);
  });

  for (const [name, text] of [
    ['no octets', ''],
    ['no header', 'just text\r\n'],
    ['a header of 400 KB', `X-Long: ${'x\r\n '.repeat(100_000)}\r\n\r\nText\r\n`],
  ] as const) {
    it(`is accepted with ${name}`, async () => {
      const { accept, stores } = world();
      const acceptance = await accept(incoming({ sender: '' }, text));
      assert.ok(acceptance.kind === 'accepted');
      assert.deepEqual(acceptance.queued, [1]);
      assert.equal(stores.bodies.get(toMid(1))?.length, text.length);
      assert.equal(stores.jobs.get(toMid(1))?.messageIdHeader, '');
    });
  }

  it('is wrapped, and says so, when a line of it ends barely', async () => {
    const { accept, stores } = world();
    const acceptance = await accept(incoming({}, 'a\nb\r\n'));
    assert.ok(acceptance.kind === 'accepted');
    assert.equal(acceptance.bareNewlines, 'wrap');
    assert.equal(stores.jobs.get(toMid(1))?.bareNewlines, 'wrap');
  });
});

describe('a message under several policies', () => {
  const policies = [
    { name: 'special', users: [{ recipient: { listed: ['joe@example.com', 'ann@example.com'] } }] },
    { name: 'quiet', users: [{ recipient: { listed: ['bob@'] } }], connector: 'no-scan' },
  ];

  it('is split: each splinter has a MID of its own, its own recipients and its own copy', async () => {
    const { accept, stores, lines } = world({ policy: () => snapshotOf(policies) });
    const recipients = ['zoe@example.com', 'ann@example.com', 'bob@example.com', 'joe@example.com'];
    const acceptance = await accept(incoming({ recipients }));
    assert.ok(acceptance.kind === 'accepted');
    assert.deepEqual([acceptance.mid, acceptance.queued], [1, [2, 4]]);
    assert.deepEqual(
      [...stores.jobs.values()].map(({ mid, policy, recipients: own }) => [mid, policy, ...own]),
      [
        [2, 'special', 'ann@example.com', 'joe@example.com'],
        [4, 'DEFAULT', 'zoe@example.com'],
      ],
    );
    assert.deepEqual(stores.skipped, ['no-scan']);
    assert.deepEqual([...stores.bodies.keys()], [2, 4]);
    assert.equal(lines().filter((line) => line.includes('was split creating MID')).length, 3);
    assert.deepEqual(
      lines().flatMap((line) => /^TDC: MID (\d+)/.exec(line)?.[1] ?? []),
      ['2', '4'],
    );
  });

  it('is not taken, and leaves nothing, when there are no MIDs for its splinters', async () => {
    const { accept, stores } = world({
      policy: () => snapshotOf(policies),
      takeMids: async (count) => (count === 1 ? [toMid(1)] : undefined),
    });
    const acceptance = await accept(incoming({ recipients: ['ann@example.com', 'zoe@example.com'] }));
    assert.deepEqual(acceptance, { kind: 'unavailable', reason: 'storage' });
    assert.deepEqual([stores.bodies.size, stores.committed.size], [0, 0]);
  });
});

describe('a message of which no copy is due is accepted and counted', () => {
  const CASES: readonly (readonly [
    name: string,
    reason: string,
    message: Partial<IncomingMessage>,
    text?: string,
  ])[] = [
    ['as spam, by a trusted gateway', 'spam', {}, `X-Spam-Flag: YES\r\n${MESSAGE}`],
    [
      'as outgoing, by a login',
      'outgoing',
      { peer: { address: '127.0.0.1', trusted: true, forwardedAddress: undefined, login: true } },
    ],
    ['as a loop, to an intake address', 'loop', { recipients: ['journal@setd.example'] }],
  ];
  for (const [name, reason, message, text] of CASES) {
    it(name, async () => {
      const { accept, stores, lines } = world();
      const acceptance = await accept(incoming(message, text));
      assert.ok(acceptance.kind === 'accepted');
      assert.deepEqual(acceptance.queued, []);
      assert.deepEqual(stores.skipped, [reason]);
      assert.equal(stores.bodies.size, 0);
      assert.equal(lines().filter((line) => line.startsWith('TDC:')).length, 0);
    });
  }

  it('as our own copy, by an id that we signed; a forged one is copied', async () => {
    const { accept, stores, storage } = world();
    const id = storage.journalIds.create();
    await accept(incoming({}, `X-TDC-Journal-ID: ${id}\r\n${MESSAGE}`));
    assert.deepEqual(stores.skipped, ['loop']);
    const forged = createJournalIds(Buffer.from('another key')).create();
    await accept(incoming({}, `X-TDC-Journal-ID: ${forged}\r\n${MESSAGE}`));
    assert.equal(stores.jobs.size, 1);
  });

  it('as a bounce of a copy, whose id stands in the body', async () => {
    const { accept, stores, storage } = world();
    const text = `Subject: failed\r\n\r\nX-TDC-Journal-ID: ${storage.journalIds.create()}\r\n`;
    await accept(incoming({ sender: '' }, text));
    assert.deepEqual(stores.skipped, ['bounce-of-copy']);
  });

  it('but not because an untrusted peer calls it spam', async () => {
    const { accept, stores } = world();
    const peer = { address: '198.51.100.7', trusted: false, forwardedAddress: undefined, login: false };
    const acceptance = await accept(incoming({ peer }, `X-Spam-Flag: YES\r\n${MESSAGE}`));
    assert.ok(acceptance.kind === 'accepted');
    assert.deepEqual([acceptance.queued, acceptance.ignoredHeaders], [[1], 1]);
    assert.equal(stores.jobs.get(toMid(1))?.clientAddress, '198.51.100.7');
  });
});

describe('a message that cannot be taken', () => {
  const read = (text = MESSAGE) => {
    let done = false;
    async function* body() {
      yield* octets(text);
      done = true;
    }
    return { body: body(), isRead: () => done };
  };

  for (const [name, changes, reason] of [
    ['without Redis', { storage: () => undefined }, 'storage'],
    ['without a policy', { policy: () => undefined }, 'policy'],
    ['without a MID', { takeMids: async () => undefined }, 'storage'],
  ] as const) {
    it(`${name} is read to its end, and not a line is logged`, async () => {
      const { accept, stores, lines } = world(changes);
      const { body, isRead } = read();
      assert.deepEqual(await accept(incoming({ body })), { kind: 'unavailable', reason });
      assert.ok(isRead());
      assert.deepEqual([stores.acts, lines()], [[], []]);
    });
  }

  const ABORTED = /^Message aborted MID 1 ICID 7 - /;
  it('or is, gives back the room that it had', async () => {
    const admission = createAdmission({
      maxBytes: 1_000_000,
      patienceMs: 1000,
      storeHasRoom: () => true,
      lookAgain: async () => undefined,
    });
    const had: number[] = [];
    const { accept, stores } = world({ admission });
    stores.before('commit', async () => void had.push(admission.bytesInFlight()));
    const long = `${MESSAGE}${'x'.repeat(400_000)}\r\n`;
    assert.equal((await accept(incoming({ declaredBytes: 600_000 }, long))).kind, 'accepted');
    assert.deepEqual([had, admission.bytesInFlight()], [[600_000], 0]);
    stores.before('commit', failing);
    assert.equal((await accept(incoming({ declaredBytes: 600_000 }, long))).kind, 'unavailable');
    assert.equal(admission.bytesInFlight(), 0);
  });

  it('because it is too large leaves nothing', async () => {
    const { accept, stores, lines } = world();
    const acceptance = await accept(incoming({ tooLarge: () => true }));
    assert.deepEqual(acceptance, { kind: 'refused', reason: 'too-large' });
    assert.deepEqual(stores.acts, ['abandon 1']);
    assert.match(lines().at(-1) ?? '', ABORTED);
  });

  it('because of bare line ends leaves nothing', async () => {
    const { accept, stores } = world({}, { bareNewlines: 'reject' });
    const acceptance = await accept(incoming({}, 'a\nb\r\n'));
    assert.deepEqual(acceptance, { kind: 'refused', reason: 'bare-newlines' });
    assert.deepEqual([stores.bodies.size, stores.acts.at(-1)], [0, 'abandon 1']);
  });

  it('because the client went away leaves nothing, counts nothing, and is logged', async () => {
    async function* broken() {
      yield Buffer.from('Subject: half');
      throw new Error('gone');
    }
    const { accept, stores, lines } = world();
    assert.deepEqual(await accept(incoming({ body: broken() })), { kind: 'aborted' });
    assert.deepEqual(stores.acts, ['abandon 1']);
    assert.equal(lines().at(-1), 'Message aborted MID 1 ICID 7 - the client went away');
  });

  for (const act of ['write', 'finish', 'commit', 'add'] as const) {
    it(`because Redis fails at ${act} leaves nothing`, async () => {
      const { accept, stores, lines } = world();
      stores.before(act, failing);
      const detail = 'Redis does not answer';
      assert.deepEqual(await accept(incoming()), { kind: 'unavailable', reason: 'storage', detail });
      assert.deepEqual([stores.bodies.size, stores.committed.size, stores.jobs.size], [0, 0, 0]);
      assert.equal(lines().at(-1), `Message aborted MID 1 ICID 7 - storage not available: ${detail}`);
    });
  }
});

describe('when Redis hangs', () => {
  for (const act of ['finish', 'commit', 'add'] as const) {
    it(`at ${act}, the client is answered in time, and what comes about later is taken back`, async () => {
      const { accept, stores, late } = world();
      const begun = Promise.withResolvers<void>();
      const release = Promise.withResolvers<void>();
      stores.before(act, () => {
        begun.resolve();
        return release.promise;
      });
      const accepting = accept(incoming());
      await begun.promise;
      late.abort();
      assert.deepEqual(await accepting, { kind: 'unavailable', reason: 'time' });
      release.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual([stores.bodies.size, stores.committed.size, stores.confirmed.size], [0, 0, 0]);
    });
  }

  it('a message that is refused anyway is refused in time', async () => {
    const { accept, late, stores } = world();
    late.abort();
    stores.before('write', () => Promise.reject(new Error('Redis does not answer')));
    const acceptance = await accept(incoming({ tooLarge: () => true }));
    assert.deepEqual(acceptance, { kind: 'refused', reason: 'too-large' });
  });
});
