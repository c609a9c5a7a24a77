import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createRedisLink, type RedisSettings } from '@tdc/platform';
import { freePort } from '../../deploy/local/ports.ts';
import { type ClusterGround, startClusterGround } from '../support/redis-cluster.ts';
import { startRedisNode } from '../support/redis-node.ts';
import { type SentinelGround, startSentinelGround } from '../support/redis-sentinel.ts';
import { Traffic } from '../support/redis-traffic.ts';
import { rememberingLog, silentLog } from '../support/remembering-log.ts';
import { waitUntil } from '../support/wait-until.ts';

const WITHIN = { withinSeconds: 40 };

/** Runs traffic through what happens, and sees that it flows again. */
async function survives(
  settings: RedisSettings,
  happening: (traffic: Traffic) => Promise<void>,
): Promise<Traffic> {
  const traffic = new Traffic(settings);
  try {
    await traffic.start();
    await traffic.flows();
    await happening(traffic);
    await waitUntil(() => traffic.command.isReady(), WITHIN);
    await traffic.flows();
    await traffic.settle();
  } finally {
    await traffic.close();
  }
  return traffic;
}

describe('behind Sentinels', () => {
  let ground: SentinelGround;
  before(async () => {
    ground = await startSentinelGround();
  });
  after(() => ground.remove());
  /** What was ended comes back, as a replica. */
  const mend = async (): Promise<void> => {
    await ground.whole();
  };

  it('a planned failover holds nobody up for long, and queue and worker go on', async () => {
    await survives(ground.settings, () => ground.failover());
    await mend();
  });

  it('a primary that is killed is replaced, and queue and worker go on', async () => {
    const old = ground.primary();
    const { log, failures } = await survives(ground.settings, async (traffic) => {
      await old.stop('SIGKILL');
      await waitUntil(() => !traffic.command.isReady());
      await waitUntil(() => ground.primary() !== old, { ...WITHIN, what: 'another primary' });
    });
    assert.ok(failures > 0, 'what could not be stored was refused');
    assert.deepEqual(log.names, ['redis-ready', 'redis-lost', 'redis-ready']);
    assert.match(log.texts[1] ?? '', /^Redis 'mail' behind the Sentinels 127\.0\.0\.1:/);
    await old.start();
    await mend();
  });

  it('a primary that is frozen is left, and stays left when it thaws', async () => {
    const old = ground.primary();
    await survives(ground.settings, async () => {
      old.signal('SIGSTOP');
      await waitUntil(() => ground.primary() !== old, { ...WITHIN, what: 'another primary' });
    }).finally(() => old.signal('SIGCONT'));
    await mend();
  });

  it('a new primary that would throw keys away is not trusted with mail until that is mended', async () => {
    const next = ground.replica();
    next.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const log = rememberingLog();
    const link = createRedisLink(ground.settings, { role: 'command', log });
    try {
      assert.equal(await link.whenUsable(AbortSignal.timeout(10_000)), true);
      await ground.failover();
      await waitUntil(() => log.names.includes('redis-unfit'), WITHIN);
      assert.equal(link.isReady(), false);
      assert.match(
        log.texts.join('\n'),
        /Redis 'mail' .* is not fit to hold mail: Redis has maxmemory-policy allkeys-lru/,
      );
      next.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      await waitUntil(() => link.isReady(), WITHIN);
      assert.equal(log.names.at(-1), 'redis-fit');
    } finally {
      await link.close();
    }
    await mend();
  });

  it('a primary that may not write without its replica waits for it, and so do queue and worker', async () => {
    for (const node of ground.nodes) {
      node.ask('CONFIG', 'SET', 'min-replicas-to-write', '1');
      node.ask('CONFIG', 'SET', 'min-replicas-max-lag', '1');
    }
    const replica = ground.replica();
    const { failures } = await survives(ground.settings, async (traffic) => {
      await replica.stop();
      await waitUntil(() => traffic.failures > 0, { ...WITHIN, what: 'writes being refused' });
      await replica.start();
      await ground.whole();
    });
    assert.ok(failures > 0);
    for (const node of ground.nodes) node.ask('CONFIG', 'SET', 'min-replicas-to-write', '0');
  });

  it('a name that no Sentinel knows is told', async () => {
    const log = rememberingLog();
    const link = createRedisLink({ ...ground.settings, master: 'other' }, { role: 'command', log });
    await waitUntil(() => log.names.includes('redis-lost'));
    await link.close();
    assert.match(log.texts[0] ?? '', /Redis 'other' behind the Sentinels .* No such master with that name/);
  });

  it('goes on when the Sentinel that was asked first is gone', async () => {
    const [first] = ground.sentinels;
    await first?.stop();
    const link = createRedisLink(ground.settings, { role: 'command', log: silentLog });
    try {
      assert.equal(await link.whenUsable(AbortSignal.timeout(10_000)), true);
    } finally {
      await link.close();
      await first?.start();
    }
  });
});

describe('in a Cluster', () => {
  let ground: ClusterGround;
  before(async () => {
    ground = await startClusterGround();
  });
  after(() => ground.remove());

  it('the end of the master that holds our keys is survived, and told once', async () => {
    const old = ground.owner();
    const { log, failures } = await survives(ground.settings, async (traffic) => {
      await old.stop('SIGKILL');
      await waitUntil(() => !traffic.command.isReady(), { what: 'the loss noticed' });
      await waitUntil(() => ground.owner() !== old, { ...WITHIN, what: 'another master' });
    });
    assert.ok(failures > 0, 'what could not be stored was refused');
    assert.deepEqual(log.names, ['redis-ready', 'redis-lost', 'redis-ready']);
    await old.start();
  });

  it('our slot may move to another master in mid-traffic', async () => {
    const from = ground.owner();
    await survives(ground.settings, async () => ground.moveSlot());
    assert.notEqual(ground.owner(), from);
  });

  it('a node with another eviction policy is refused, and named', async () => {
    const node = ground.bystander();
    node.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const link = createRedisLink(ground.settings, { role: 'command', log: silentLog });
    try {
      await assert.rejects(link.whenUsable(AbortSignal.timeout(10_000)), {
        problems: [
          `Redis at 127.0.0.1:${node.port} has maxmemory-policy allkeys-lru: it must be noeviction, or queued copies can vanish`,
        ],
      });
    } finally {
      node.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      await link.close();
    }
  });

  it('is told from a single server, and a single server from it', async () => {
    const node = ground.bystander();
    const asSingle = createRedisLink(`redis://127.0.0.1:${node.port}`, { role: 'command', log: silentLog });
    await assert.rejects(asSingle.whenUsable(AbortSignal.timeout(10_000)), {
      problems: ['this Redis is a Cluster: set TDC_REDIS_MODE=cluster'],
    });
    await asSingle.close();
    const single = await startRedisNode({ port: await freePort() });
    const nodes = [{ host: '127.0.0.1', port: single.port }];
    const asCluster = createRedisLink({ ...ground.settings, nodes }, { role: 'command', log: silentLog });
    await assert.rejects(asCluster.whenUsable(AbortSignal.timeout(10_000)), {
      problems: ['this Redis is no Cluster: set TDC_REDIS_MODE=standalone, or sentinel'],
    });
    await asCluster.close();
    await single.remove();
  });
});
