import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { toMid } from '@tdc/core';
import { createLedger, createRedisKeys, type Ledger } from '@tdc/platform';
import { SAMPLE_TIME, sampleCopy } from '../support/sample-copy.ts';
import { useRedis } from '../support/use-redis.ts';

const redis = useRedis();
const keys = createRedisKeys();
const BODY = Buffer.from([0xff, 0, 0x0a]);
const LEASE_END = SAMPLE_TIME + 30_000;
let ledger: Ledger;

beforeEach(() => {
  ledger = createLedger(redis.client, keys, { now: () => SAMPLE_TIME, trackingHours: 24, bodySeconds: 180 });
});

/** How often scripts were sent in full, and how often they were named. */
async function evaluations(): Promise<readonly [inFull: number, named: number]> {
  const stats = await redis.client.info('commandstats');
  const calls = (command: string) =>
    Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
  return [calls('eval'), calls('evalsha')];
}

it('a server that has forgotten the scripts is told them, by each of many calls at once', async () => {
  await ledger.commit({ enqueue: [1, 2, 3].map((mid) => sampleCopy(mid)), skipped: [] }, BODY);
  await redis.client.script('FLUSH');
  const tickets = await Promise.all(
    [1, 2, 3].map((mid) => ledger.beginAttempts([toMid(mid)], LEASE_END, true)),
  );
  const bodies = tickets.map(([ticket]) => ticket?.kind === 'go' && ticket.body);
  assert.deepEqual(bodies, [BODY, BODY, BODY]);
  const outcome = { kind: 'deleted' } as const;
  const outcomes = await Promise.all([1, 2, 3].map((mid) => ledger.finish(toMid(mid), outcome)));
  assert.deepEqual(outcomes, [true, true, true]);
  assert.partialDeepStrictEqual((await ledger.counters()).intakes['primary'], { enqueued: 3, deleted: 3 });
});

it('a server that knows a script is told its name', async () => {
  await redis.client.script('FLUSH');
  await redis.client.config('RESETSTAT');
  for (let call = 0; call < 5; call += 1) assert.equal(await ledger.countActive([toMid(1)]), 0);
  assert.deepEqual(await evaluations(), [1, 5]);
});

it('an error within a script is the error of its call, which is not made again', async () => {
  await ledger.countActive([]);
  await redis.client.set(keys.active, 'no set');
  await redis.client.config('RESETSTAT');
  await assert.rejects(ledger.countActive([toMid(1)]), /WRONGTYPE/);
  assert.deepEqual(await evaluations(), [0, 1]);
});

it('what belongs together is told in one write: bodies and their commit, an attempt and its bodies', async () => {
  const commit = (mid: number) => ledger.commit({ enqueue: [sampleCopy(mid)], skipped: [] }, BODY);
  const begin = (mids: readonly number[]) => ledger.beginAttempts(mids.map(toMid), LEASE_END, true);
  // So that the scripts are known.
  await commit(4);
  await begin([4]);
  const reads = async (): Promise<number> => {
    const stats = await redis.client.info('stats');
    return Number(/^total_reads_processed:(\d+)/m.exec(stats)?.[1]);
  };
  const readsOf = async (act: () => Promise<unknown>): Promise<number> => {
    const before = await reads();
    await act();
    // The last question is read, too.
    return (await reads()) - before - 1;
  };
  assert.equal(await readsOf(() => Promise.all([1, 2, 3].map(commit))), 1);
  assert.equal(await readsOf(() => begin([1, 2, 3])), 1);
});
