import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { accountingDifference, activeRecipients, queueTotals, toDcid } from '@tdc/core';
import {
  createIdSequence,
  createJournalQueue,
  createJournalQueueWorker,
  createLedger,
  createRedisKeys,
  createRedisLink,
  type JournalQueue,
  type JournalQueueWorker,
  type Ledger,
  type RedisLink,
  type RedisSettings,
} from '@tdc/platform';
import { freePort } from '../support/intake-process.ts';
import { type ClusterGround, startClusterGround } from '../support/redis-cluster.ts';
import { startRedisNode } from '../support/redis-node.ts';
import { type SentinelGround, startSentinelGround } from '../support/redis-sentinel.ts';
import { type RememberingLog, rememberingLog, silentLog } from '../support/remembering-log.ts';
import { sampleCopy } from '../support/sample-copy.ts';
import { waitUntil } from '../support/wait-until.ts';

const keys = createRedisKeys();
const WITHIN = { withinSeconds: 40 };
/** No command may keep a client of the mail waiting for longer. */
const ANSWER_MS = 8000;

/** Copies that go in and out without a pause, as far as Redis lets them. */
class Traffic {
  readonly log: RememberingLog = rememberingLog();
  /** How long the slowest commit took, whatever came of it. */
  slowestMs = 0;
  failures = 0;
  accepted = 0;
  delivered = 0;
  #stopped = false;
  #sending: Promise<void> | undefined;
  readonly #links: RedisLink[] = [];
  readonly #settings: RedisSettings;
  ledger!: Ledger;
  queue!: JournalQueue;
  worker!: JournalQueueWorker;

  constructor(settings: RedisSettings) {
    this.#settings = settings;
  }

  get command(): RedisLink {
    return this.#links[0] ?? assert.fail();
  }

  async start(): Promise<void> {
    const open = async (role: 'command' | 'blocking', log = silentLog) => {
      const link = createRedisLink(this.#settings, { role, log });
      this.#links.push(link);
      assert.equal(await link.whenUsable(AbortSignal.timeout(10_000)), true);
      return link.client;
    };
    const client = await open('command', this.log);
    this.ledger = createLedger(client, keys, { now: Date.now, trackingHours: 1 });
    this.queue = await createJournalQueue(client, { prefix: keys.prefix, onError: () => undefined });
    this.worker = createJournalQueueWorker(await open('blocking'), {
      prefix: keys.prefix,
      concurrency: 5,
      now: Date.now,
      onError: () => undefined,
      waitingJobs: async () => (await this.queue.depth()).waiting,
      lockMs: 2000,
      stalledCheckMs: 500,
      handler: async (copy) => {
        const outcome = { kind: 'delivered', dcid: toDcid(1), response: '250 ok' } as const;
        await waitUntil(async () => ({ told: await this.ledger.finish(copy.mid, outcome) }), WITHIN);
        this.delivered += 1;
        return { kind: 'done' };
      },
    });
    this.#sending = this.#send(createIdSequence(client, keys.sequence('mid')));
  }

  async #send(numbers: ReturnType<typeof createIdSequence>): Promise<void> {
    while (!this.#stopped) {
      const mid = (await numbers.ready(AbortSignal.timeout(500))) ? numbers.next() : undefined;
      if (mid === undefined) continue;
      const copy = sampleCopy(mid, { enqueuedAt: Date.now() });
      const from = Date.now();
      try {
        await this.ledger.commit({ enqueue: [copy], skipped: [] });
        await this.queue.add([copy]);
        await this.ledger.confirmQueued([copy.mid]);
        this.accepted += 1;
      } catch {
        this.failures += 1;
      }
      this.slowestMs = Math.max(this.slowestMs, Date.now() - from);
    }
  }

  /** Waits until so many more copies have been delivered: a worker that hangs never gets there. */
  async flows(copies = 50): Promise<void> {
    const target = this.delivered + copies;
    await waitUntil(() => this.delivered >= target, { ...WITHIN, what: `${copies} more copies delivered` });
  }

  /** Ends the sending, queues what lost its job, and sees every copy to its end. */
  async settle(): Promise<void> {
    this.#stopped = true;
    await this.#sending;
    await waitUntil(
      async () => {
        for (const copy of await this.ledger.orphans(Date.now(), 1000)) {
          if (!(await this.queue.has(copy.mid))) await this.queue.add([copy]);
          await this.ledger.confirmQueued([copy.mid]);
        }
        return activeRecipients(queueTotals(await this.ledger.counters())) === 0;
      },
      { ...WITHIN, what: 'no copy without an outcome' },
    );
    assert.equal(accountingDifference(await this.ledger.counters()), 0);
    assert.ok(this.slowestMs < ANSWER_MS, `the slowest answer took ${this.slowestMs} ms`);
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.#sending;
    await this.worker?.drain(Date.now());
    await this.queue?.close();
    await Promise.all(this.#links.map((link) => link.close()));
  }
}

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

describe('a password that changes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-redis-password-'));
  const passwordFile = join(folder, 'password');
  after(() => rmSync(folder, { recursive: true }));

  it('is read again for the next connection, by the ones that BullMQ makes, too', async () => {
    const node = await startRedisNode({ port: await freePort() });
    const setPassword = (password: string) => {
      node.ask('ACL', 'SETUSER', 'tdc', 'reset', 'on', `>${password}`, '~*', '+@all');
      writeFileSync(passwordFile, `${password}\n`);
    };
    setPassword('first');
    const settings: RedisSettings = {
      mode: 'standalone',
      url: `redis://127.0.0.1:${node.port}`,
      keyPrefix: '{tdc}',
      user: { username: 'tdc', passwordFile },
    };
    const traffic = new Traffic(settings);
    try {
      await traffic.start();
      await traffic.flows();
      setPassword('second');
      node.ask('CLIENT', 'KILL', 'USER', 'tdc');
      await traffic.flows();
      await traffic.settle();
    } finally {
      await traffic.close();
      await node.remove();
    }
  });
});
