import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { routeTo } from '../support/delivery-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { KEEP_ALL } from '../support/redis-server.ts';
import { useDelivery } from '../support/use-delivery.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis(KEEP_ALL);
const delivery = useDelivery(redis);
const TEXT = Buffer.from('Subject: x\r\n\r\nText\r\n');
const LARGE = Buffer.from(`Subject: large\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(300_000)}`);

const enqueue = async (original: Buffer) => {
  const route = routeTo('primary', { port: delivery.peer.standIn.port });
  const [mid = assert.fail()] = await delivery.copies.enqueue(original, [{ route }]);
  return mid;
};

describe('while Redis is away', () => {
  it('what the peer answered is kept until it can be recorded, and the copy is not sent again', async () => {
    delivery.peer.standIn.script({ steps: { 'final-dot': [{ delayMs: 300 }] } });
    const worker = await delivery.start(delivery.policy({ primary: {} }));
    const mid = await enqueue(TEXT);
    await waitUntil(() => delivery.peer.standIn.connections.some(({ verbs }) => verbs.includes('DATA')));
    await redis.server.stop();
    await waitUntil(() => delivery.peer.standIn.messages.length === 1);
    await waitUntil(
      async () => (sampleOf(await worker.samples(), 'tdc_delivery_record_delays_total') ?? 0) > 0,
    );
    await redis.server.start();
    const copy = await delivery.copies.outcome(mid);
    assert.deepEqual([copy.state, copy.finishedAttempts], ['delivered', 1]);
    await waitUntil(() => worker.lines().includes(`Message finished MID ${mid} done`));
    const said = worker.lines().filter((line) => / is back$|successfully delivered/.test(line));
    assert.ok(said.length > 1, said.join('\n'));
    const delivered = said.findIndex((line) => line.includes('successfully'));
    assert.equal(delivered, said.length - 1, 'once, and behind the return of Redis');
    // The job itself may come again; the copy does not.
    await waitUntil(
      async () => Object.values(await delivery.copies.queue.depth()).every((jobs) => jobs === 0),
      {
        withinSeconds: 40,
        what: 'the queue to be empty',
      },
    );
    assert.equal(delivery.peer.standIn.messages.length, 1);
  });

  it('a body that cannot be read to its end is no failed attempt, and no connection is lost', async () => {
    const limits = { connections: 1 };
    const worker = await delivery.start(delivery.policy({ primary: { limits } }), {
      TDC_REPLY_TIMEOUT_SECONDS: '20',
    });
    const mid = await enqueue(LARGE);
    await waitUntil(() => delivery.peer.standIn.connections.some(({ verbs }) => verbs.includes('DATA')));
    delivery.peer.standIn.pauseReading();
    await redis.server.stop();
    delivery.peer.standIn.resumeReading();
    await waitUntil(() => delivery.peer.standIn.open === 0, { withinSeconds: 20 });
    assert.equal(delivery.peer.standIn.messages.length, 0);
    await redis.server.start();
    const copy = await delivery.copies.outcome(mid);
    assert.deepEqual([copy.state, copy.finishedAttempts], ['delivered', 1]);
    await waitUntil(() => worker.lines().includes(`Message finished MID ${mid} done`));
    assert.ok(!worker.lines().some((line) => line.startsWith('TDC: Delayed')));
    assert.equal(delivery.peer.standIn.octets(1)?.includes(LARGE), true);
  });

  it('a worker that starts waits for it, says so, and then takes copies', async () => {
    const mid = await enqueue(TEXT);
    await redis.server.stop();
    const process = delivery.launch(delivery.policy({ primary: {} }));
    await waitUntil(() => process.lines().some((line) => /Redis at .* does not answer/.test(line)));
    await redis.server.start();
    await process.ready();
    assert.equal((await delivery.copies.outcome(mid)).state, 'delivered');
  });
});
