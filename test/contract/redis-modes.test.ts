import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { accountingDifference, type JournalCopy, toDcid } from '@tdc/core';
import {
  createConnectionCeiling,
  createHostStore,
  createIdSequence,
  createJournalQueue,
  createJournalQueueWorker,
  createLedger,
  createPolicyRevisions,
  createRedisKeys,
  createRedisLink,
  createReplicaBarrier,
  createSpool,
  loadJournalIdSecret,
  type RedisClient,
  type RedisLink,
  type RedisSettings,
  readRedisServerStatus,
  redisMemory,
} from '@tdc/platform';
import { freePort } from '../../deploy/local/ports.ts';
import { PASSWORD, prepareRedisAccess, type RedisAccess } from '../support/redis-access.ts';
import { startClusterGround } from '../support/redis-cluster.ts';
import { type RedisNode, startRedisNode } from '../support/redis-node.ts';
import { startSentinelGround } from '../support/redis-sentinel.ts';
import { silentLog } from '../support/remembering-log.ts';
import { sampleCopy } from '../support/sample-copy.ts';
import { waitUntil } from '../support/wait-until.ts';

const keys = createRedisKeys();
const later = () => AbortSignal.timeout(10_000);

/** A Redis that asks for TLS, for a client certificate and for a user, whichever way it is kept available. */
interface Ground {
  readonly settings: RedisSettings;
  /** The server that holds our keys. */
  readonly owner: () => RedisNode;
  readonly nodes: readonly RedisNode[];
  readonly replicas: number;
  readonly remove: () => Promise<void>;
}

const GROUNDS: Readonly<Record<RedisSettings['mode'], (access: RedisAccess) => Promise<Ground>>> = {
  async standalone({ access, cli, config, user }) {
    const port = await freePort();
    const node = await startRedisNode({ port, access: cli, tls: true, config: [...config, user] });
    const settings: RedisSettings = { ...access, mode: 'standalone', url: `redis://127.0.0.1:${port}` };
    return { settings, owner: () => node, nodes: [node], replicas: 0, remove: () => node.remove() };
  },
  async sentinel({ access, sentinelUser, cli, config, user, sentinelAcl }) {
    const ground = await startSentinelGround({
      tls: true,
      config: [...config, user],
      sentinelConfig: [...config, sentinelAcl],
      access: cli,
    });
    const { nodes, sentinels } = ground;
    return {
      settings: { ...ground.settings, ...access, sentinelUser },
      owner: () => ground.primary(),
      nodes: [...nodes, ...sentinels],
      replicas: 1,
      remove: () => ground.remove(),
    };
  },
  async cluster({ access, cli, config, user }) {
    const ground = await startClusterGround({
      tls: true,
      config: [...config, 'tls-cluster yes', user],
      access: cli,
    });
    const { nodes } = ground;
    return {
      settings: { ...ground.settings, ...access },
      owner: () => ground.owner(),
      nodes,
      replicas: 1,
      remove: () => ground.remove(),
    };
  },
};

async function bodyOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return Buffer.concat(read);
}

for (const mode of ['standalone', 'sentinel', 'cluster'] as const) {
  describe(`Redis ${mode}, over TLS, as the documented user`, () => {
    let access: RedisAccess;
    let ground: Ground;
    const links: RedisLink[] = [];
    const open = async (role: 'command' | 'blocking' = 'command'): Promise<RedisClient> => {
      const link = createRedisLink(ground.settings, { role, log: silentLog });
      links.push(link);
      assert.equal(await link.whenUsable(later()), true, 'Redis is usable');
      return link.client;
    };
    before(async () => {
      access = await prepareRedisAccess();
      ground = await GROUNDS[mode](access);
      for (const node of ground.nodes) node.ask('ACL', 'LOG', 'RESET');
    });
    after(async () => {
      await Promise.all(links.map((link) => link.close()));
      await ground.remove();
      access.remove();
    });

    it('keeps a message to the octet, small and large, and gives each copy its own', async () => {
      const spool = createSpool(await open(), keys, { ttlSeconds: 60 });
      for (const size of [0, 3, 600_000]) {
        const body = Buffer.from(Uint8Array.from({ length: size }, (_, index) => index & 255));
        const mid = sampleCopy(1000 + size).mid;
        const copy = sampleCopy(2000 + size).mid;
        const writer = spool.open(mid);
        for (let at = 0; at < size; at += 100_000) await writer.write(body.subarray(at, at + 100_000));
        const stored = await writer.finish();
        await spool.duplicate(mid, [copy]);
        await spool.remove([mid]);
        assert.ok(body.equals(await bodyOf(spool.read(copy, stored))), `${size} octets`);
      }
    });

    it('carries a copy from commit over the queue to its outcome', async () => {
      const client = await open();
      const ledger = createLedger(client, keys, { now: Date.now, trackingHours: 1 });
      const queue = await createJournalQueue(client, { prefix: keys.prefix, onError: () => undefined });
      const done: JournalCopy[] = [];
      const worker = createJournalQueueWorker(await open('blocking'), {
        prefix: keys.prefix,
        capacity: 2,
        now: Date.now,
        onError: (message) => assert.fail(message),
        onUnhandled: (message) => assert.fail(message),
        waitingJobs: async () => 0,
        async handler({ mids }) {
          const [ticket] = await ledger.beginAttempts(mids, Date.now() + 1000);
          if (ticket?.kind !== 'go') return { kind: 'done' };
          const { copy } = ticket;
          if (ticket.finishedAttempts === 0) {
            await ledger.softBounce(copy.mid, {
              attempt: 1,
              dcid: toDcid(1),
              reason: 'network',
              response: 'x',
              retryAt: Date.now(),
            });
            return { kind: 'retry-at', at: Date.now() + 10 };
          }
          await ledger.finish(copy.mid, { kind: 'delivered', dcid: toDcid(1), response: '250 ok' });
          done.push(copy);
          return { kind: 'done' };
        },
      });
      const copies = [1, 2, 3].map((mid) => sampleCopy(mid));
      await ledger.commit({ enqueue: copies, skipped: ['no-scan'] });
      await queue.add(copies.map((copy) => [copy]));
      await ledger.confirmQueued(copies.map(({ mid }) => mid));
      await waitUntil(() => done.length === copies.length, { what: 'every copy delivered' });
      await waitUntil(async () => (await queue.depth()).active === 0);
      assert.equal(accountingDifference(await ledger.counters()), 0);
      assert.equal((await ledger.track({ messageIdHeader: '<2@lawfirm.example>' })).length, 1);
      assert.equal((await ledger.track({ mid: copies[0]?.mid ?? assert.fail() }))[0]?.state, 'delivered');
      assert.deepEqual(await ledger.oldestActive(), {});
      assert.deepEqual(await ledger.expired(Date.now(), 10), []);
      assert.deepEqual(await ledger.orphans(Date.now(), 10), []);
      await worker.drain(Date.now() + 2000);
      const late = sampleCopy(4);
      await ledger.commit({ enqueue: [late], skipped: [] });
      await queue.add([[late]]);
      assert.deepEqual((await queue.find(late.mid))?.mids, [late.mid]);
      assert.equal(await queue.remove(late.mid), 'removed');
      await ledger.withdraw([late.mid]);
      assert.equal(await ledger.trimTracking({ keepFrom: Date.now() + 1000, maxCopies: 1 }), 3);
      await queue.close();
    });

    it('gives numbers, leases and revisions out, and remembers hosts and the secret', async () => {
      const client = await open();
      const numbers = createIdSequence(client, keys.sequence('mid'), 2);
      assert.equal(await numbers.ready(later()), true);
      assert.equal(numbers.next(), 1);
      const ceiling = createConnectionCeiling(client, keys, { worker: 'w', now: Date.now });
      assert.equal(await ceiling.acquire('primary', toDcid(1), 1), true);
      assert.equal(await ceiling.acquire('primary', toDcid(2), 1), false);
      await ceiling.renew();
      assert.deepEqual([await ceiling.count('primary'), await ceiling.workers('primary')], [1, 1]);
      await ceiling.release('primary', toDcid(1));
      assert.equal(await createPolicyRevisions(client, keys).revisionOf('aa'), 1);
      const hosts = createHostStore(client, keys);
      await hosts.save('primary', { last5xx: '550' });
      assert.equal((await hosts.load(['primary', 'second']))['primary']?.last5xx, '550');
      const secret = await loadJournalIdSecret(client, keys.journalIdSecret);
      assert.ok(secret.equals(await loadJournalIdSecret(client, keys.journalIdSecret)));
    });

    it('tells the memory and the state of the server that holds our keys', async () => {
      const client = await open();
      const limit = 200_000_000;
      ground.owner().ask('CONFIG', 'SET', 'maxmemory', String(limit));
      assert.equal((await redisMemory(client, keys)).limitBytes, limit);
      const status = await readRedisServerStatus(client, keys);
      assert.deepEqual([status.isPrimary, status.connectedReplicas], [true, ground.replicas]);
    });

    it('tells whether as many replicas as asked hold a copy', async () => {
      const client = await open();
      const ledger = createLedger(client, keys, { now: Date.now, trackingHours: 1 });
      const [known, unknown] = [sampleCopy(11), sampleCopy(12)];
      await ledger.commit({ enqueue: [known], skipped: [] });
      const barrier = async (replicas: number) =>
        createReplicaBarrier(await open(), keys, {
          replicas,
          timeoutMs: replicas > ground.replicas ? 100 : 5000,
        });
      if (ground.replicas > 0) {
        const one = await barrier(ground.replicas);
        const answers = await Promise.all([
          one.holds([known.mid]),
          one.holds([unknown.mid]),
          one.holds([known.mid]),
        ]);
        assert.deepEqual(answers, [true, false, true]);
      }
      assert.equal(await (await barrier(ground.replicas + 1)).holds([known.mid]), false);
    });

    it('has refused that user nothing', () => {
      for (const node of ground.nodes) assert.equal(node.ask('ACL', 'LOG'), '', `port ${node.port}`);
    });

    it('gives him nothing that is not ours', () => {
      const as = (...command: readonly string[]) => {
        try {
          return ground.owner().ask('--user', 'tdc', '--pass', PASSWORD, '--no-auth-warning', ...command);
        } catch (error) {
          return String((error as { stderr?: string }).stderr);
        }
      };
      for (const command of [
        ['GET', '{tdc'],
        ['SET', 'other', '1'],
        ['FLUSHALL'],
        ['KEYS', '*'],
        ['CONFIG', 'GET', '*'],
        ['ACL', 'LIST'],
        ['SHUTDOWN'],
        ['PUBLISH', 'channel', 'x'],
      ])
        assert.match(as(...command), /NOPERM/, command.join(' '));
    });
  });
}
