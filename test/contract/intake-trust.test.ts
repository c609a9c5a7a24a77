import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import { type Handed, handOver, type IntakeProcess, ONE_INTAKE } from '../support/intake-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import type { Envelope } from '../support/smtp-sender.ts';
import { useIntake } from '../support/use-intake.ts';

let intake: IntakeProcess;
const here = useIntake(`${ONE_INTAKE}direction: { relayNetworks: [192.0.2.0/24] }\n`, async ({ ground }) => {
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

describe('whose word counts', () => {
  const ENVELOPE = { from: 'a@example.org', to: ['jim@example.com'] };
  const BODY = messageOf('a@example.org');
  const withHeader = (header: string): Buffer => Buffer.concat([Buffer.from(header), BODY]);
  const AUTHENTICATED =
    'Received: from h (h [203.0.113.9]) by gw (Postfix) with ESMTPSA id 1; Fri, 16 Feb 2024 21:19:22 +0000\r\n';
  const SMUGGLED = AUTHENTICATED.replace('from h ', 'from x by y with ESMTPA id 2 ').replace(
    'ESMTPSA',
    'ESMTP',
  );

  describe('a trusted gateway’s does', () => {
    const SKIPS: readonly (readonly [name: string, reason: string, header: string, ...commands: string[]])[] =
      [
        ['that it is spam', 'spam', 'X-Spam-Flag: YES\r\n'],
        ['that it is a virus', 'virus', 'X-Virus-Status: Infected (x)\r\n'],
        ['that the client logged in, by XCLIENT', 'outgoing', '', 'XCLIENT ADDR=203.0.113.9 LOGIN=bill'],
        ['that the client logged in, by Received', 'outgoing', AUTHENTICATED],
        ['that the client is in a relay network', 'outgoing', '', 'XFORWARD ADDR=192.0.2.7'],
      ];
    for (const [name, reason, header, ...commands] of SKIPS) {
      it(name, async () => {
        const before = (await here.stored.ledger.counters()).skipped as Readonly<Record<string, number>>;
        const { reply } = await hand(ENVELOPE, withHeader(header), { commands });
        assert.match(reply, /no copy due$/);
        const skipped = (await here.stored.ledger.counters()).skipped as Readonly<Record<string, number>>;
        assert.equal((skipped[reason] ?? 0) - (before[reason] ?? 0), 1);
      });
    }

    const CLIENTS: readonly (readonly [client: string | undefined, header: string, ...commands: string[]])[] =
      [
        ['203.0.113.7', AUTHENTICATED.replace('ESMTPSA', 'ESMTP'), 'XCLIENT ADDR=203.0.113.7'],
        ['203.0.113.8', AUTHENTICATED.replace('ESMTPSA', 'ESMTP'), 'XFORWARD ADDR=203.0.113.8'],
        ['2001:db8::7', '', 'XFORWARD ADDR=IPV6:2001:db8::7'],
        [
          '203.0.113.9',
          AUTHENTICATED.replace('ESMTPSA', 'ESMTP'),
          'XFORWARD ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]',
        ],
        ['203.0.113.9', AUTHENTICATED.replace('ESMTPSA', 'ESMTP')],
        [undefined, SMUGGLED],
        [undefined, ''],
      ];
    for (const [client, header, ...commands] of CLIENTS) {
      it(`that the client is ${client}: ${[...commands, header.slice(0, 40)].join(' ')}`, async () => {
        await hand(ENVELOPE, withHeader(header), { commands });
        const copies = await here.stored.active();
        assert.deepEqual(
          copies.map(({ clientAddress }) => clientAddress),
          [client],
        );
      });
    }
  });

  describe('a stranger’s does not', () => {
    let wary: IntakeProcess;
    before(async () => {
      wary = await here.ground.start({ TDC_TRUSTED_PEERS: '198.51.100.1' });
    });

    it('XCLIENT and XFORWARD are not offered, and not known', async () => {
      const sender = await wary.open();
      assert.doesNotMatch(await sender.say('EHLO a.example'), /XCLIENT|XFORWARD/);
      for (const line of ['XCLIENT ADDR=203.0.113.7 LOGIN=bill', 'XFORWARD ADDR=203.0.113.7'])
        assert.match(await sender.say(line), /^500 5\.5\.2 /);
      await sender.quit();
    });

    it('XCLIENT and XFORWARD are not known under TLS either', async () => {
      const sender = await wary.open();
      await sender.say('STARTTLS');
      await sender.upgrade();
      assert.doesNotMatch(await sender.say('EHLO a.example'), /XCLIENT|XFORWARD/);
      assert.match(await sender.say('XCLIENT ADDR=203.0.113.7'), /^500 /);
      await sender.quit();
    });

    for (const [name, header] of [
      ['that it is spam', 'X-Spam-Flag: YES\r\n'],
      ['that it logged in', AUTHENTICATED],
    ] as const) {
      it(name, async () => {
        const { reply } = await hand(ENVELOPE, withHeader(header), { to: wary });
        assert.match(reply, / queued as MID /);
        const [copy] = await here.stored.active();
        assert.equal(copy?.clientAddress, '127.0.0.1');
      });
    }

    it('and it is counted that it tried', async () => {
      assert.equal(sampleOf(await wary.samples(), 'tdc_intake_verdict_headers_ignored_total'), 1);
    });
  });
});

describe('what must not be copied again', () => {
  const ENVELOPE = { from: 'a@example.org', to: ['jim@example.com'] };
  const skippedAs = async (reason: 'loop' | 'bounce-of-copy', act: () => Promise<Handed>): Promise<void> => {
    const before = (await here.stored.ledger.counters()).skipped[reason] ?? 0;
    assert.match((await act()).reply, /no copy due$/);
    assert.equal((await here.stored.ledger.counters()).skipped[reason], before + 1);
  };
  const idOfCopy = async (): Promise<string> => {
    await hand(ENVELOPE, messageOf('a@example.org'));
    return (await here.stored.active())[0]?.journalId ?? assert.fail('no copy');
  };

  it('our own copy, in any letter case, under any other header', async () => {
    const id = await idOfCopy();
    const copy = Buffer.from(`Subject: x\r\nx-tdc-JOURNAL-id: ${id}\r\n\r\nText\r\n`);
    await skippedAs('loop', () => hand(ENVELOPE, copy));
  });

  it('mail to an intake address', async () => {
    const to = { ...ENVELOPE, to: ['Journal@SETD.example'] };
    await skippedAs('loop', () => hand(to, messageOf('a@example.org')));
  });

  it('a bounce of a copy', async () => {
    const id = await idOfCopy();
    const bounce = Buffer.from(`Subject: failed\r\n\r\n${'x'.repeat(70)}\r\nX-TDC-Journal-ID: ${id}\r\n`);
    await skippedAs('bounce-of-copy', () => hand({ ...ENVELOPE, from: '' }, bounce));
  });

  it('but what has a forged id is copied', async () => {
    const id = await idOfCopy();
    const forged = id.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    for (const from of ['', 'a@example.org']) {
      const message = Buffer.from(`X-TDC-Journal-ID: ${forged}\r\n\r\nX-TDC-Journal-ID: ${forged}\r\n`);
      assert.match((await hand({ ...ENVELOPE, from }, message)).reply, / queued as MID /);
    }
  });
});
