import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sendMail } from '../support/smtp-sender.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

const MESSAGE = 'From: a@example.org\r\nSubject: 120 seconds\r\n\r\nText\r\n';

/** The real times of the product: the retry after 60 seconds, and the end of a copy's life after 120. */
describe('with the real times', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({
      env: {
        TDC_MAX_QUEUE_AGE_SECONDS: '120',
        TDC_RETRY_DELAY_SECONDS: '60',
        TDC_SWEEP_SECONDS: '2',
        TDC_REPLY_TIMEOUT_SECONDS: '120',
      },
    });
  });
  after(() => stack.stop());

  const send = async (): Promise<number> => {
    const reply = await sendMail(stack.smtp, { from: 'a@example.org', to: ['joe@example.com'] }, MESSAGE);
    return Number(/MID (\d+)/.exec(reply)?.[1]);
  };
  const outcome = (mid: number) =>
    waitUntil(
      async () => {
        const copy = await stack.track(mid);
        return copy !== undefined && copy.finishedAtMs > 0 ? copy : undefined;
      },
      { withinSeconds: 150, what: `an outcome of MID ${mid}` },
    );

  it('a copy that fails first is delivered by its retry, a minute later and within its life', async () => {
    stack.standIn.script({ steps: { rcpt: [{ reply: '451 4.3.0 Later' }] } });
    const copy = await outcome(await send());
    assert.deepEqual([copy.state, copy.finishedAttempts], ['delivered', 2]);
    assert.ok(copy.finishedAtMs >= copy.enqueuedAtMs + 60_000 && copy.finishedAtMs <= copy.expiresAtMs);
  });

  it('a copy that gets no answer is ended at its deadline', async () => {
    stack.standIn.script({ always: { rcpt: { end: 'stall' } } });
    const copy = await outcome(await send());
    assert.deepEqual([copy.state, copy.lastReason], ['hard-bounced', 'expired']);
    assert.equal(copy.expiresAtMs - copy.enqueuedAtMs, 120_000);
    assert.ok(copy.finishedAtMs >= copy.expiresAtMs);
  });
});
