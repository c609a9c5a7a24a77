import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sampleOf } from '../support/prometheus-text.ts';
import { sendMail } from '../support/smtp-sender.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

const MESSAGE = 'From: a@example.org\r\nSubject: expiry\r\n\r\nText\r\n';
const EXPIRED = 'delivery failed to Cisco Secure Email Threat Defense: Delivery expired (message too old).';

describe('a copy that outlives its deadline', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({
      env: { TDC_MAX_QUEUE_AGE_SECONDS: '3', TDC_RETRY_DELAY_SECONDS: '60', TDC_REPLY_TIMEOUT_SECONDS: '20' },
      delivery: { TDC_FINAL_REPLY_TIMEOUT_SECONDS: '20' },
      without: ['delivery'],
    });
  });
  after(() => stack.stop());

  const send = async (): Promise<number> => {
    const reply = await sendMail(stack.smtp, { from: 'a@example.org', to: ['joe@example.com'] }, MESSAGE);
    return Number(/MID (\d+)/.exec(reply)?.[1]);
  };

  it('is ended by the monitor when no delivery worker runs', async () => {
    const mid = await send();
    await stack.logged('monitor', new RegExp(`^TDC: MID ${mid} ${EXPIRED.replace(/[().]/g, '\\$&')}$`));
    await stack.logged(
      'monitor',
      new RegExp(
        `^Bounced: DCID 0 MID ${mid} to RID 0 - Bounced by destination server with response: 5\\.4\\.7 `,
      ),
    );
    const copy = await stack.track(mid);
    assert.deepEqual([copy?.state, copy?.lastReason, copy?.finishedAttempts], ['hard-bounced', 'expired', 0]);
    assert.equal(
      sampleOf(await stack.metrics('monitor'), 'tdc_hard_bounced_recipients_total', { reason: 'expired' }),
      1,
    );
  });

  it('is ended in the middle of an attempt that hangs, counted once', async () => {
    await stack.start('delivery');
    stack.standIn.script({ always: { rcpt: { end: 'stall' } } });
    const mid = await send();
    const copy = await waitUntil(async () => {
      const tracked = await stack.track(mid);
      return tracked !== undefined && tracked.finishedAtMs > 0 ? tracked : undefined;
    });
    assert.equal(copy.state, 'hard-bounced');
    assert.equal(copy.lastReason, 'expired');
    assert.equal((await stack.settled()).hardBounced, 2);
  });

  it('may still be delivered when its final dot was sent before the deadline', async () => {
    stack.standIn.script({ steps: { 'final-dot': [{ delayMs: 5000 }] } });
    const mid = await send();
    const copy = await waitUntil(
      async () => {
        const tracked = await stack.track(mid);
        return tracked !== undefined && tracked.finishedAtMs > 0 ? tracked : undefined;
      },
      { withinSeconds: 20 },
    );
    assert.equal(copy.state, 'delivered');
    assert.ok(copy.finishedAtMs > copy.expiresAtMs);
    assert.equal(stack.standIn.messages.length, 1);
  });
});
