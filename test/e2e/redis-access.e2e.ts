import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sampleOf } from '../support/prometheus-text.ts';
import { prepareRedisAccess } from '../support/redis-access.ts';
import { startClusterGround } from '../support/redis-cluster.ts';
import { startSentinelGround } from '../support/redis-sentinel.ts';
import { sendLikeAGateway } from '../support/send-like-a-gateway.ts';
import { startStack } from '../support/stack.ts';

describe('the whole system over TLS, with client certificates, as the documented user', () => {
  it('behind Sentinels that ask for a user, too', async () => {
    const access = await prepareRedisAccess();
    const ground = await startSentinelGround({
      tls: true,
      config: [...access.config, access.user],
      sentinelConfig: [...access.config, access.sentinelAcl],
      access: access.cli,
    });
    try {
      const all = [...ground.nodes, ...ground.sentinels];
      for (const node of all) node.ask('ACL', 'LOG', 'RESET');
      await delivers({ ...ground.environment, ...access.environment, ...access.sentinelEnvironment });
      for (const node of all) assert.equal(node.ask('ACL', 'LOG'), '', `refused on port ${node.port}`);
    } finally {
      await ground.remove();
      access.remove();
    }
  });

  it('in a Cluster', async () => {
    const access = await prepareRedisAccess();
    const ground = await startClusterGround({
      tls: true,
      config: [...access.config, 'tls-cluster yes', access.user],
      access: access.cli,
    });
    try {
      await delivers({ ...ground.environment, ...access.environment });
      for (const node of ground.nodes)
        assert.equal(node.ask('ACL', 'LOG'), '', `refused on port ${node.port}`);
    } finally {
      await ground.remove();
      access.remove();
    }
  });

  async function delivers(redisEnvironment: Readonly<Record<string, string>>): Promise<void> {
    const stack = await startStack({ redisEnvironment, intake: { TDC_REDIS_MIN_REPLICAS_ACK: '1' } });
    try {
      await sendLikeAGateway(stack.smtp, 5, () => undefined);
      const account = await stack.settled();
      assert.deepEqual([account.delivered, account.difference], [5, 0]);
      assert.equal(sampleOf(await stack.metrics('monitor'), 'tdc_redis_up'), 1);
    } finally {
      await stack.stop();
    }
  }
});
