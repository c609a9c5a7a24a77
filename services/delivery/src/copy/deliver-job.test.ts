import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type JournalCopy, type Mid, toDcid, toMid } from '@tdc/core';
import type { AttemptTicket, FinalOutcome } from '@tdc/platform';
import { sampleCopy } from '../../../../test/support/sample-copy.ts';
import { unobserved } from '../../../../test/support/unobserved-copies.ts';
import type { OutboundMessage, SendResult } from '../smtp/outbound-connection.ts';
import { createDeliverJob } from './deliver-job.ts';

const NOW = sampleCopy(1).enqueuedAt;
const BODY = Buffer.from('abc');
const NEVER = new AbortController().signal;

interface Scene {
  readonly tickets: readonly AttemptTicket[];
  /** What the peer says to the copies, in order; delivered where nothing is said. */
  readonly sends?: readonly SendResult[];
  /** Whether there is a connection for the copies, in order. */
  readonly refuse?: (copy: JournalCopy) => boolean;
  /** What handing a copy back runs into. */
  readonly trouble?: Error;
}

const go = (mid: number, body: Buffer | undefined): AttemptTicket => ({
  kind: 'go',
  copy: sampleCopy(mid),
  finishedAttempts: 0,
  body,
});

/** Runs a job of these copies against a peer that plays the scene. */
async function run({ tickets, sends = [], refuse = () => false, trouble }: Scene) {
  const outcomes: [Mid, FinalOutcome['kind']][] = [];
  const along: [number, boolean][] = [];
  const read: number[] = [];
  const sent: string[] = [];
  const leases: number[] = [];
  const answers = [...sends];
  let settled = 0;
  const connection = {
    ends: { localAddress: '', peerAddress: '', port: 25 },
    protocol: '',
    cipher: '',
    isUsable: () => true,
    async send(message: OutboundMessage): Promise<SendResult> {
      const answer = answers.shift() ?? { kind: 'delivered', reply: { code: 250, text: 'Ok' } };
      let text = '';
      try {
        const { content } = message;
        if (content instanceof Uint8Array) text = String(content);
        else for await (const chunk of content) text += String(chunk);
      } catch (error) {
        return { kind: 'content-failed', error };
      }
      sent.push(text);
      return answer;
    },
    onFree: () => undefined,
    onClosed: () => undefined,
    quit: () => undefined,
  };
  const deliver = createDeliverJob(
    {
      ledger: {
        async beginAttempts(_mids, leaseUntil, withBodies) {
          leases.push(leaseUntil);
          assert.equal(withBodies, true, 'what the job says of its messages');
          return tickets;
        },
        extendLease: async () => undefined,
        async releaseAttempt() {
          if (trouble !== undefined) throw trouble;
        },
        softBounce: async () => true,
        async finish(mid, outcome) {
          outcomes.push([mid, outcome.kind]);
          return true;
        },
      },
      spool: {
        async *read(mid) {
          read.push(mid);
          yield BODY;
        },
      },
      async acquire(copy, _signal, came) {
        along.push([copy.mid, came]);
        if (refuse(copy)) return { kind: 'unavailable', retryInMs: 700 };
        return { kind: 'lease', lease: { dcid: toDcid(1), connection, release: () => undefined } };
      },
      log: () => undefined,
      observe: unobserved,
      now: () => NOW,
      offsetMinutes: () => 0,
    },
    { retryDelaySeconds: 60, finalReplyMs: 60_000 },
  );
  const mids = tickets.map((_, index) => toMid(index + 1));
  const delivered = deliver({ mids, short: true, expiresAt: NOW + 120_000 }, NEVER, () => {
    settled += 1;
  });
  const error =
    trouble && (await delivered.catch((reason: unknown) => ({ reason, outcomes: [...outcomes] })));
  const disposition = trouble === undefined ? await delivered : undefined;
  return { disposition, error, outcomes, along, read, sent, leases, settled };
}

const LATER: SendResult = {
  kind: 'failed',
  failure: { kind: 'smtp-reply', stage: 'mail', reply: { code: 451, text: 'later' } },
};

describe('a job of several copies', () => {
  it('is done when each has its outcome; every copy is told of as it ends', async () => {
    const { disposition, outcomes, leases, settled } = await run({
      tickets: [go(1, BODY), go(2, BODY), go(3, BODY)],
    });
    assert.deepEqual(disposition, { kind: 'done' });
    assert.deepEqual(outcomes, [
      [1, 'delivered'],
      [2, 'delivered'],
      [3, 'delivered'],
    ]);
    assert.deepEqual(leases, [NOW + 122_000]);
    assert.equal(settled, 3);
  });

  it('attempts only those whose time it is, and comes back for the first of the others', async () => {
    const { disposition, outcomes } = await run({
      tickets: [
        { kind: 'finished' },
        { kind: 'later', at: NOW + 9000 },
        go(3, BODY),
        { kind: 'later', at: NOW + 5000 },
      ],
    });
    assert.deepEqual(disposition, { kind: 'retry-at', at: NOW + 5000 });
    assert.deepEqual(outcomes, [[3, 'delivered']]);
  });

  it('comes back in a minute for the one that was refused for now', async () => {
    const { disposition, outcomes } = await run({ tickets: [go(1, BODY), go(2, BODY)], sends: [LATER] });
    assert.deepEqual(disposition, { kind: 'retry-at', at: NOW + 60_000 });
    assert.deepEqual(outcomes, [[2, 'delivered']]);
  });

  it('is sent back as soon as the soonest of its copies: one without room before one that was refused', async () => {
    const { disposition } = await run({
      tickets: [go(1, BODY), go(2, BODY)],
      sends: [LATER],
      refuse: ({ mid }) => mid === 2,
    });
    assert.deepEqual(disposition, { kind: 'retry-at', at: NOW + 700 });
  });

  it('fails with the trouble of one of its copies, but not before the others have ended', async () => {
    const trouble = new Error('away');
    const { error, settled } = await run({
      tickets: [go(1, BODY), go(2, BODY)],
      refuse: ({ mid }) => mid === 1,
      trouble,
    });
    assert.deepEqual(error, { reason: trouble, outcomes: [[2, 'delivered']] });
    assert.equal(settled, 2);
  });

  it('asks for room once: the copies behind the first come along', async () => {
    const { along } = await run({ tickets: [{ kind: 'finished' }, go(2, BODY), go(3, BODY)] });
    assert.deepEqual(along, [
      [2, false],
      [3, true],
    ]);
  });

  it('sends what came with the attempt, and reads the spool for what did not', async () => {
    const { read, sent } = await run({ tickets: [go(1, BODY), go(2, undefined)] });
    assert.deepEqual(read, [2]);
    assert.equal(sent.filter((text) => text.includes('abc')).length, 2);
  });

  it('gives up a copy whose octets are not those that were received', async () => {
    const { outcomes, sent } = await run({ tickets: [go(1, Buffer.from('abd')), go(2, Buffer.from('ab'))] });
    assert.deepEqual(outcomes, [
      [1, 'hard-bounced'],
      [2, 'hard-bounced'],
    ]);
    assert.deepEqual(sent, []);
  });
});
