import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { sendLikeAGateway } from '../support/send-like-a-gateway.ts';
import { type ServiceName, type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

const MESSAGES = 500;
const KILL_AT = 200;

describe('killing a process in the middle of 500 messages loses nothing', () => {
  let stack: Stack | undefined;
  afterEach(() => stack?.stop());

  for (const victim of ['intake', 'delivery', 'policy', 'monitor'] satisfies ServiceName[]) {
    it(`${victim}, killed with SIGKILL and started again`, async () => {
      stack = await startStack({ durableRedis: true, env: { TDC_MAX_QUEUE_AGE_SECONDS: '120' } });
      const running = stack;
      let restarted: Promise<unknown> | undefined;
      const mids = await sendLikeAGateway(running.smtp, MESSAGES, (sent) => {
        if (sent === KILL_AT) restarted = running.restart(victim, 'SIGKILL');
      });
      await restarted;
      const account = await running.settled(90);
      assert.equal(account.difference, 0);
      assert.equal(account.hardBounced, 0);
      assert.equal(new Set(mids).size, MESSAGES);
      for (const mid of mids) assert.equal((await running.track(mid))?.state, 'delivered', `MID ${mid}`);
      // What was delivered beyond the accepted MIDs was committed by an intake that died before it could answer.
      assert.ok(account.delivered >= MESSAGES);
      const subjects = new Set(
        running.standIn.messages.map(
          ({ id }) => /^Message-Id: (.*)$/m.exec(running.standIn.octets(id)?.toString() ?? '')?.[1],
        ),
      );
      assert.equal(subjects.size, MESSAGES);
    });
  }

  it('Redis, killed and started again with its log', async () => {
    stack = await startStack({ durableRedis: true });
    const running = stack;
    let back: Promise<void> | undefined;
    const mids = await sendLikeAGateway(running.smtp, MESSAGES, (sent) => {
      if (sent === KILL_AT) back = running.redis.stop().then(() => running.redis.start());
    });
    await back;
    const account = await waitUntil(() => running.settled(60), {
      withinSeconds: 90,
      what: 'the account to settle',
    });
    assert.equal(account.hardBounced, 0);
    for (const mid of mids) assert.equal((await running.track(mid))?.state, 'delivered', `MID ${mid}`);
  });
});
