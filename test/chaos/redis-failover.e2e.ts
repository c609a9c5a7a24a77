import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { type ClusterGround, startClusterGround } from '../support/redis-cluster.ts';
import { type SentinelGround, startSentinelGround } from '../support/redis-sentinel.ts';
import { sendLikeAGateway } from '../support/send-like-a-gateway.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

const MESSAGES = 500;
const FAIL_AT = 200;
/** A copy's life, which is what a failover has to stay well below. */
const LIFE_SECONDS = 120;
const PATIENCE = { withinSeconds: 60 };
/** A message counts as taken when a replica has it. */
const ACKNOWLEDGED = { TDC_REDIS_MIN_REPLICAS_ACK: '1' };

describe('a failover of Redis in the middle of 500 messages', () => {
  let stack: Stack | undefined;
  let ground: SentinelGround | ClusterGround | undefined;
  afterEach(async () => {
    await stack?.stop();
    await ground?.remove();
    stack = undefined;
    ground = undefined;
  });

  /** Sends them all, makes it happen on the way, and waits for the end of every copy. Answers the accepted MIDs. */
  async function send(intake: Readonly<Record<string, string>>, happening: () => Promise<void>) {
    stack = await startStack({
      redisEnvironment: ground?.environment ?? assert.fail(),
      env: { TDC_MAX_QUEUE_AGE_SECONDS: String(LIFE_SECONDS) },
      intake,
    });
    const running = stack;
    let happened: Promise<void> | undefined;
    const mids = await sendLikeAGateway(running.smtp, MESSAGES, (sent) => {
      if (sent === FAIL_AT) happened = happening();
    });
    await happened;
    const account = await waitUntil(() => running.settled(60), {
      withinSeconds: 90,
      what: 'the account to settle',
    });
    assert.equal(account.difference, 0);
    assert.equal(account.hardBounced, 0, 'nothing was given up for want of Redis');
    assert.equal(new Set(mids).size, MESSAGES, 'no MID was given out twice');
    for (const name of ['intake', 'delivery', 'monitor'] as const)
      assert.ok(
        running.log(name).some((line) => /^Redis .* is (back|ready)$/.test(line)),
        name,
      );
    return { running, mids, account };
  }

  /** Every message that was answered with 250 was delivered, and is known to be. */
  async function allDelivered({ running, mids }: Awaited<ReturnType<typeof send>>): Promise<void> {
    for (const mid of mids) assert.equal((await running.track(mid))?.state, 'delivered', `MID ${mid}`);
    const text = running.standIn.messages
      .map(({ id }) => running.standIn.octets(id)?.toString() ?? '')
      .join('\n');
    for (let n = 0; n < MESSAGES; n += 1) assert.ok(text.includes(`<${n}@chaos.example>`), `message ${n}`);
  }

  it('a primary behind Sentinels, killed and back as a replica: nothing acknowledged is lost', async () => {
    const sentinel = await startSentinelGround();
    ground = sentinel;
    const sent = await send(ACKNOWLEDGED, async () => {
      const old = sentinel.primary();
      await old.stop('SIGKILL');
      await waitUntil(() => sentinel.primary() !== old, PATIENCE);
      await old.start();
    });
    await allDelivered(sent);
  });

  it('a primary behind Sentinels, killed for good: the account holds, and what is lost is little', async () => {
    const sentinel = await startSentinelGround();
    ground = sentinel;
    const { running, mids } = await send({}, async () => {
      const old = sentinel.primary();
      await old.stop('SIGKILL');
      await waitUntil(() => sentinel.primary() !== old, PATIENCE);
    });
    const states = await Promise.all(mids.map(async (mid) => (await running.track(mid))?.state));
    const unknown = states.filter((state) => state === undefined).length;
    assert.equal(states.filter((state) => state === 'delivered').length + unknown, MESSAGES);
    // One client has one message under way: more cannot have been on its way to the replica.
    assert.ok(unknown <= 1, `${unknown} messages were answered with 250 and lost`);
  });

  it('a planned failover behind Sentinels: nothing acknowledged is lost', async () => {
    const sentinel = await startSentinelGround();
    ground = sentinel;
    await allDelivered(await send(ACKNOWLEDGED, () => sentinel.failover()));
  });

  it('a master of a Cluster, killed and back as a replica: nothing acknowledged is lost', async () => {
    const cluster = await startClusterGround();
    ground = cluster;
    const sent = await send(ACKNOWLEDGED, async () => {
      const old = cluster.owner();
      await old.stop('SIGKILL');
      await waitUntil(() => cluster.owner() !== old, PATIENCE);
      await old.start();
    });
    await allDelivered(sent);
  });
});
