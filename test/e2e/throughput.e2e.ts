import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openSender, transact } from '../support/smtp-sender.ts';
import { type Stack, startStack } from '../support/stack.ts';

const MESSAGES = 2000;
const SENDERS = 10;
const BODY = `${'x'.repeat(78)}\r\n`.repeat(49);

describe('throughput smoke', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
  });
  after(() => stack.stop());

  it(`${MESSAGES} messages of 4 KB are all delivered over TLS`, async (test) => {
    const startedAt = Date.now();
    await Promise.all(
      Array.from({ length: SENDERS }, async (_, n) => {
        const sender = await openSender(stack.smtp);
        await sender.say('EHLO load.example.org');
        for (let i = 0; i < MESSAGES / SENDERS; i += 1) {
          const head = `From: a@example.org\r\nSubject: load\r\nMessage-ID: <${n}.${i}@load.example>\r\n\r\n`;
          const reply = await transact(
            sender,
            { from: 'a@example.org', to: ['joe@example.com'] },
            Buffer.from(head + BODY),
          );
          assert.match(reply, /queued as MID/);
        }
        await sender.quit();
      }),
    );
    const acceptedAt = Date.now();
    const account = await stack.settled(120);
    const settledAt = Date.now();
    assert.equal(account.delivered, MESSAGES);
    assert.equal(stack.standIn.messages.length, MESSAGES);
    assert.ok(stack.standIn.messages.every(({ tls }) => tls !== null));
    const rate = (until: number): string => `${Math.round((MESSAGES * 1000) / (until - startedAt))}/s`;
    test.diagnostic(
      `accepted ${rate(acceptedAt)}, delivered ${rate(settledAt)}, all processes and the stand-in on this machine`,
    );
  });
});
