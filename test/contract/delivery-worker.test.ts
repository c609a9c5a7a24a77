import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CopyRoute, type JournalCopy, NO_CONNECTION, toMid } from '@tdc/core';
import { Queue } from 'bullmq';
import { routeTo } from '../support/delivery-process.ts';
import { readJournal } from '../support/embedded-original.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { useDelivery } from '../support/use-delivery.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();
const delivery = useDelivery(redis);
const TEXT = Buffer.from('Subject: x\r\n\r\nText\r\n');
/** Of the spool. */
const CHUNK = 256 * 1024;
/** Several chunks. */
const LARGE = Buffer.from(`Subject: large\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(10_000)}`);

const route = (changes: Partial<CopyRoute> = {}): CopyRoute =>
  routeTo('primary', { port: delivery.peer.standIn.port, ...changes });
const enqueue = async (original = TEXT, changes: Partial<JournalCopy> = {}) => {
  const [mid = assert.fail()] = await delivery.copies.enqueue(original, [{ route: route(), ...changes }]);
  return mid;
};
const enqueueMany = (count: number) =>
  delivery.copies.enqueue(
    TEXT,
    Array.from({ length: count }, () => ({ route: route() })),
  );
const linesOf = (lines: readonly string[], mid: number): readonly string[] =>
  lines.filter((line) => new RegExp(`\\b(MID|Message) ${mid}\\b`).test(line));
const ONE = { limits: { connections: 1 } };

describe('a worker', () => {
  it('warns of a job that it drops because it is none, and counts it', async () => {
    const worker = await delivery.start(delivery.policy({ primary: {} }));
    const queue = new Queue('the.tdc.queue', { connection: redis.client, prefix: '{tdc}' });
    await queue.add('copies', { from: 'elsewhere' }, { jobId: 'strange' });
    await queue.close();
    const text = 'Warning: strange holds nothing that is understood: dropped';
    await waitUntil(() => worker.process.lines().some((line) => line.endsWith(text)), { what: text });
    const samples = await worker.samples();
    const unhandled = (reason: string) => sampleOf(samples, 'tdc_delivery_jobs_unhandled_total', { reason });
    assert.deepEqual([unhandled('not-understood'), unhandled('failed')], [1, 0]);
  });

  it('delivers what it was given, octet for octet, and tells what it did', async () => {
    const original = Buffer.from('Subject: x\r\n\r\n.\r\n..\r\nGr\u00fc\u00dfe\0\r\n\r\n', 'utf8');
    const worker = await delivery.start(delivery.policy({ primary: {} }));
    const mid = await enqueue(original);
    const copy = await delivery.copies.outcome(mid);
    assert.equal(copy.state, 'delivered');
    const received = delivery.peer.standIn.octets(1) ?? assert.fail();
    assert.equal(readJournal(received).original.compare(original), 0);
    await waitUntil(() => linesOf(worker.lines(), mid).length === 3);
    assert.deepEqual(linesOf(worker.lines(), mid), [
      `TDC: Delivery start DCID ${copy.lastDcid} MID ${mid}`,
      `TDC: MID ${mid} successfully delivered for scanning with Cisco Secure Email Threat Defense.`,
      `Message finished MID ${mid} done`,
    ]);
    const samples = await worker.samples();
    const of = (name: string, labels = {}) => sampleOf(samples, `tdc_delivery_${name}`, labels);
    assert.equal(of('attempts_total', { intake: 'primary', outcome: 'delivered' }), 1);
    assert.equal(of('latency_seconds_bucket', { intake: 'primary', le: '120' }), 1);
    assert.equal(of('waiting_copies'), 0);
    assert.equal(of('tls_failures_total', { intake: 'primary', reason: 'certificate' }), 0);
    assert.equal(of('connections_opened_total', { intake: 'primary' }), 3);
    await waitUntil(async () => sampleOf(await worker.samples(), 'tdc_delivery_connections_open') === 0);
    const closed = sampleOf(await worker.samples(), 'tdc_delivery_connections_closed_total', {
      reason: 'idle',
    });
    assert.equal(closed, 3);
    assert.ok(Date.now() / 1000 - (of('progress_timestamp_seconds') ?? 0) < 60);
  });

  it('drops a job whose copy has its outcome, without a word', async () => {
    const mid = await enqueue();
    await delivery.copies.ledger.finish(mid, { kind: 'deleted' });
    const worker = await delivery.start(delivery.policy({ primary: {} }));
    const next = await enqueue();
    await waitUntil(() => worker.lines().includes(`Message finished MID ${next} done`));
    assert.deepEqual(linesOf(worker.lines(), mid), []);
    assert.equal(delivery.peer.standIn.messages.length, 1);
    assert.equal((await delivery.copies.track(mid)).state, 'deleted');
  });

  it('ends a copy that is past its deadline, without a connection', async () => {
    const now = Date.now();
    const mid = await enqueue(TEXT, { enqueuedAt: now - 121_000, expiresAt: now - 1000 });
    const worker = await delivery.start(delivery.policy({ primary: {} }));
    const copy = await delivery.copies.outcome(mid);
    assert.deepEqual(
      [copy.state, copy.lastReason, copy.lastDcid, copy.finishedAttempts],
      ['hard-bounced', 'expired', NO_CONNECTION, 0],
    );
    await waitUntil(() => linesOf(worker.lines(), mid).some((line) => line.startsWith('Bounced: DCID 0 ')));
    assert.equal(delivery.peer.standIn.connections.length, 0);
  });

  it('remembers what it learned about the host, and what others did', async () => {
    delivery.peer.standIn.script({ steps: { rcpt: [{ reply: '550 5.1.1 Unknown' }] } });
    const first = await delivery.start(delivery.policy({ primary: {} }));
    await delivery.copies.outcome(await enqueue());
    await waitUntil(async () => (await delivery.copies.host('primary')).last5xx !== '');
    await first.stop();
    await delivery.start(delivery.policy({ primary: {} }));
    const before = await delivery.copies.host('primary');
    await delivery.copies.outcome(await enqueue());
    const after = await waitUntil(async () => {
      const host = await delivery.copies.host('primary');
      return host.lastActivityAt > before.lastActivityAt ? host : undefined;
    });
    assert.equal(after.last5xx, '550 5.1.1 Unknown');
    assert.deepEqual(after.mxRecords, [{ exchange: 'mx.setd.example', priority: 10 }]);
    assert.deepEqual([after.addresses, after.up], [['127.0.0.1'], true]);
  });
});

describe('a body in the spool that is', () => {
  const LAST = Math.floor((LARGE.length - 1) / CHUNK);
  const END = LARGE.subarray(LAST * CHUNK);
  const X = Buffer.from('X');
  const putLast = (key: string, octets: Buffer) => redis.client.hset(key, String(LAST), octets);
  for (const [name, spoil, reason] of [
    ['gone', (key: string) => redis.client.unlink(key), 'missing'],
    [
      'changed at its end',
      (key: string) => putLast(key, Buffer.concat([END.subarray(0, -1), X])),
      'mismatch',
    ],
    ['longer', (key: string) => putLast(key, Buffer.concat([END, X])), 'mismatch'],
    ['shorter', (key: string) => putLast(key, END.subarray(0, -1)), 'mismatch'],
  ] as const) {
    it(`${name} never becomes a message, and harms no other copy`, async () => {
      const mid = await enqueue(LARGE);
      await spoil(delivery.copies.keys.spool(mid));
      await delivery.start(delivery.policy({ primary: ONE }));
      const copy = await delivery.copies.outcome(mid);
      assert.deepEqual([copy.state, copy.lastReason], ['hard-bounced', 'spool']);
      assert.match(copy.lastResponse, new RegExp(reason));
      assert.equal((await delivery.copies.outcome(await enqueue(LARGE))).state, 'delivered');
      assert.equal(delivery.peer.standIn.messages.length, 1);
    });
  }
});

describe('a worker that is told to stop', () => {
  it('finishes what is under way, hands back the rest untried, and says QUIT', async () => {
    delivery.peer.standIn.script({ always: { 'final-dot': { delayMs: 500 }, quit: { delayMs: 200 } } });
    const worker = await delivery.start(delivery.policy({ primary: ONE }));
    const mids = await enqueueMany(5);
    await waitUntil(() => delivery.peer.standIn.connections[0]?.verbs.includes('DATA'));
    const exit = await worker.stop('SIGTERM');
    assert.deepEqual(exit, { code: 0, signal: null });
    const copies = await Promise.all(mids.map((mid) => delivery.copies.track(mid)));
    // Under way is also the one whose envelope was said before the answer to the first.
    const begun = worker.lines().filter((line) => line.startsWith('TDC: Delivery start')).length;
    assert.ok(begun === 1 || begun === 2, `${begun} begun`);
    assert.deepEqual(
      copies.map(({ state, finishedAttempts }) => [state, finishedAttempts]),
      mids.map((_, n) => (n < begun ? ['delivered', 1] : ['unattempted', 0])),
    );
    assert.equal(delivery.peer.standIn.connections[0]?.verbs.at(-1), 'QUIT');
    assert.equal(worker.lines().filter((line) => /^DCID \d+ close$/.test(line)).length, 1);
    assert.equal(await redis.client.zcard(delivery.copies.keys.connections('primary')), 0);
    await delivery.start(delivery.policy({ primary: ONE }));
    for (const mid of mids) assert.equal((await delivery.copies.outcome(mid)).finishedAttempts, 1);
    assert.equal(delivery.peer.standIn.messages.length, 5);
  });

  it('cuts off what does not end in time, and no attempt is counted', async () => {
    delivery.peer.standIn.script({ always: { rcpt: { end: 'stall' } } });
    const worker = await delivery.start(delivery.policy({ primary: ONE }), { TDC_SHUTDOWN_SECONDS: '1' });
    const mid = await enqueue();
    await waitUntil(() => delivery.peer.standIn.connections[0]?.verbs.includes('RCPT'));
    assert.deepEqual(await worker.stop('SIGTERM'), { code: 0, signal: null });
    assert.equal((await delivery.copies.track(mid)).finishedAttempts, 0);
    assert.deepEqual(
      linesOf(worker.lines(), mid).filter((line) => !line.startsWith('TDC: Delivery start')),
      [],
    );
    delivery.peer.standIn.script({});
    await delivery.start(delivery.policy({ primary: ONE }));
    const copy = await delivery.copies.outcome(mid);
    assert.deepEqual([copy.state, copy.finishedAttempts], ['delivered', 1]);
  });
});

describe('a worker that cannot begin', () => {
  it('waits for a policy before it takes a copy', async () => {
    const worker = delivery.launch(undefined);
    await enqueue();
    await waitUntil(() => worker.lines().some((line) => line.includes('Redis at')));
    assert.equal(delivery.peer.standIn.connections.length, 0);
    assert.deepEqual(await worker.stop('SIGTERM'), { code: 0, signal: null });
    assert.equal((await delivery.copies.track(toMid(1))).state, 'unattempted');
  });

  it('says everything that is wrong with its environment, and ends with 78', async () => {
    const worker = delivery.launch(undefined, { TDC_MIN_CONNECTIONS: '0', TDC_DNS_SERVERS: 'no port' });
    assert.equal((await worker.exited).code, 78);
    for (const name of ['TDC_MIN_CONNECTIONS', 'TDC_DNS_SERVERS'])
      assert.match(worker.errors(), new RegExp(name));
  });
});
