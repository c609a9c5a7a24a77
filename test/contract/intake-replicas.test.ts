import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { accountingDifference, queueTotals, toMid } from '@tdc/core';
import {
  closeRedis,
  connectRedis,
  createLedger,
  createRedisKeys,
  type RedisClient,
  whenRedisReady,
} from '@tdc/platform';
import { freePort } from '../../deploy/local/ports.ts';
import { handOver, type IntakeGround, prepareIntake } from '../support/intake-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { type RedisNode, startRedisNode } from '../support/redis-node.ts';
import { waitUntil } from '../support/wait-until.ts';

const MAIL = {
  envelope: { from: 'a@example.org', to: ['joe@example.com'] },
  message: Buffer.from('From: a@example.org\r\nSubject: x\r\n\r\nText\r\n'),
};
const keys = createRedisKeys();

let primary: RedisNode;
let replica: RedisNode;
let ground: IntakeGround;
let client: RedisClient;
beforeEach(async () => {
  primary = await startRedisNode({ port: await freePort(), config: ['repl-diskless-sync-delay 0'] });
  replica = await startRedisNode({ port: await freePort(), config: [`replicaof 127.0.0.1 ${primary.port}`] });
  await waitUntil(() => /slave0:.*state=online/.test(primary.ask('INFO', 'replication')));
  const url = `redis://127.0.0.1:${primary.port}`;
  ground = await prepareIntake(url);
  client = connectRedis(url, { role: 'command' });
  await whenRedisReady(client, AbortSignal.timeout(10_000));
});
afterEach(async () => {
  await ground.remove();
  await closeRedis(client);
  await Promise.all([primary.remove(), replica.remove()]);
});

const counters = () => createLedger(client, keys, { now: Date.now, trackingHours: 1 }).counters();

describe('a message that replicas must hold', () => {
  it('is kept by the gateway while they do not, and nothing is left of it', async () => {
    const intake = await ground.start({ TDC_REDIS_MIN_REPLICAS_ACK: '1' });
    assert.match((await handOver(intake, MAIL)).reply, /^250 /);
    replica.signal('SIGSTOP');
    try {
      // One that waits does not hold up the others.
      const refused = await Promise.all([handOver(intake, MAIL), handOver(intake, MAIL)]);
      for (const { reply, lines } of refused) {
        assert.match(reply, /^451 4\.3\.0 .*could not be replicated in time/);
        await waitUntil(() => lines().filter((line) => line.startsWith('Message aborted ')).length === 2);
        assert.doesNotMatch(lines().join('\n'), /enqueued for forwarding/);
      }
      assert.equal(
        sampleOf(await intake.samples(), 'tdc_intake_messages_refused_total', { reason: 'replicas' }),
        2,
      );
      const account = await counters();
      assert.equal(accountingDifference(account), 0);
      assert.deepEqual([queueTotals(account).enqueued, account.skipped['enqueue-failed']], [1, 2]);
      assert.equal((await client.keys(`${keys.prefix}:spool:*`)).length, 1);
      assert.equal((await client.keys(`${keys.prefix}:the.tdc.queue:mid-*`)).length, 1);
    } finally {
      replica.signal('SIGCONT');
    }
    await waitUntil(async () => (await handOver(intake, MAIL)).reply.startsWith('250 '), {
      what: 'mail being taken again',
    });
  });

  it('is lost with the primary when nobody asked for replicas and they were behind', async () => {
    const intake = await ground.start();
    assert.match((await handOver(intake, MAIL)).reply, /^250 .*queued as MID 1/);
    await waitUntil(() => replica.ask('EXISTS', keys.copy(toMid(1))) === '1', {
      what: 'the first one replicated',
    });
    // Its link is cut, and Redis says nothing of it to whoever writes.
    replica.ask('REPLICAOF', '127.0.0.1', String(await freePort()));
    assert.match((await handOver(intake, MAIL)).reply, /^250 .*queued as MID 2/);
    await primary.stop('SIGKILL');
    replica.ask('REPLICAOF', 'NO', 'ONE');
    assert.equal(replica.ask('EXISTS', keys.copy(toMid(2))), '0');
  });
});
