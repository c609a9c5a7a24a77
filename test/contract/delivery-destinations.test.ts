import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { routeTo } from '../support/delivery-process.ts';
import { MX_NAME } from '../support/outbound.ts';
import { useDelivery } from '../support/use-delivery.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();
const delivery = useDelivery(redis);
const TEXT = Buffer.from('Subject: x\r\n\r\nText\r\n');

const copiesTo = (intake: string, count = 1) => {
  const route = routeTo(intake, { port: delivery.peer.standIn.port });
  return delivery.copies.enqueue(
    TEXT,
    Array.from({ length: count }, () => ({ route })),
  );
};

const silentHosts: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(silentHosts.splice(0).map((close) => close()));
});

/** A host that takes connections, never says a word, and counts. */
async function startSilentHost(host: string, port: number) {
  const sockets = new Set<Socket>();
  let most = 0;
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => socket.destroy()));
    most = Math.max(most, sockets.size);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  silentHosts.push(close);
  return { most: () => most, close };
}

describe('one attempt', () => {
  const dead = { exchange: 'dead.example', preference: 10 };
  const good = { exchange: MX_NAME, preference: 10 };

  it('tries hosts of equal cost in turn, IPv4 and IPv6 both', async () => {
    delivery.dns.set('dead.example', { a: ['127.0.0.9'], aaaa: ['::1'] });
    delivery.dns.set('primary.example', { mx: [dead, good] });
    await delivery.start(delivery.policy({ primary: {} }));
    const [mid = assert.fail()] = await copiesTo('primary');
    const copy = await delivery.copies.outcome(mid);
    assert.deepEqual([copy.state, copy.finishedAttempts], ['delivered', 1]);
  });

  it('comes to hosts of higher cost only behind the others', async () => {
    const backup = await delivery.startOther('127.0.0.2');
    delivery.dns.set('backup.example', { a: ['127.0.0.2'] });
    delivery.dns.set('dead.example', { a: ['127.0.0.9'] });
    delivery.dns.set('primary.example', { mx: [{ exchange: 'backup.example', preference: 20 }, good] });
    const policy = delivery.policy({ primary: {}, other: {} });
    delivery.dns.set('other.example', { mx: [{ exchange: 'backup.example', preference: 20 }, dead] });
    await delivery.start(policy);
    const [first = assert.fail()] = await copiesTo('primary');
    await delivery.copies.outcome(first);
    assert.deepEqual([delivery.peer.standIn.messages.length, backup.standIn.messages.length], [1, 0]);
    const [second = assert.fail()] = await copiesTo('other');
    const copy = await delivery.copies.outcome(second);
    assert.deepEqual([copy.state, copy.finishedAttempts], ['delivered', 1]);
    assert.deepEqual([delivery.peer.standIn.messages.length, backup.standIn.messages.length], [1, 1]);
  });

  it('comes to the next host, too, when one cannot be secured', async () => {
    const bad = await delivery.startOther('127.0.0.2');
    bad.standIn.script({ certificate: 'expired' });
    delivery.dns.set('bad.example', { a: ['127.0.0.2'] });
    delivery.dns.set('primary.example', {
      mx: [
        { exchange: 'bad.example', preference: 5 },
        { exchange: MX_NAME, preference: 10 },
      ],
    });
    const worker = await delivery.start(delivery.policy({ primary: {} }));
    const [mid = assert.fail()] = await copiesTo('primary');
    const copy = await delivery.copies.outcome(mid);
    assert.deepEqual([copy.state, copy.finishedAttempts], ['delivered', 1]);
    await waitUntil(() => worker.lines().some((line) => /^DCID \d+ TLS failed: /.test(line)));
  });

  it('with an intake that no revision knows any more is strict', async () => {
    await delivery.start(delivery.policy({}));
    const [mid = assert.fail()] = await copiesTo('primary');
    const copy = await delivery.copies.outcome(mid);
    assert.deepEqual([copy.state, copy.lastReason], ['hard-bounced', 'tls']);
  });
});

describe('a destination that is', () => {
  it('silent takes nothing from another: all copies of the one come before any outcome of the other', async () => {
    const { port } = delivery.peer.standIn;
    const silent = await startSilentHost('127.0.0.3', port);
    delivery.dns.set('silent.example', { a: ['127.0.0.3'] });
    await delivery.start(delivery.policy({ silent: {}, primary: {} }), {
      TDC_CONNECT_TIMEOUT_SECONDS: '60',
    });
    const held = await copiesTo('silent', 60);
    await waitUntil(() => silent.most() >= 3);
    const mids = await copiesTo('primary', 10);
    for (const mid of mids) assert.equal((await delivery.copies.outcome(mid)).state, 'delivered');
    const states = await Promise.all(held.map((mid) => delivery.copies.track(mid)));
    assert.deepEqual([...new Set(states.map(({ finishedAttempts }) => finishedAttempts))], [0]);
    assert.ok(silent.most() < 60);
  });

  it('down is tried by one connection at a time until it answers, and is then up again', async () => {
    const { port } = delivery.peer.standIn;
    const silent = await startSilentHost('127.0.0.4', port);
    delivery.dns.set('later.example', { a: ['127.0.0.4'] });
    const worker = await delivery.start(delivery.policy({ later: {} }), {
      TDC_CONNECT_TIMEOUT_SECONDS: '1',
      TDC_RETRY_DELAY_SECONDS: '60',
    });
    const [first = assert.fail()] = await copiesTo('later');
    await waitUntil(async () => (await delivery.copies.track(first)).finishedAttempts === 1);
    assert.equal(silent.most(), 3);
    await waitUntil(async () => !(await delivery.copies.host('later')).up);
    const [second = assert.fail()] = await copiesTo('later');
    await waitUntil(async () => (await delivery.copies.track(second)).finishedAttempts === 1);
    const probes = () => worker.lines().filter((line) => line.startsWith('TDC: Connection Error:'));
    await waitUntil(() => probes().length >= 4, { what: 'a line of each failed connection' });
    assert.equal(probes().length, 4, probes().join('\n'));
    await silent.close();
    await delivery.startOther('127.0.0.4');
    const [third = assert.fail()] = await copiesTo('later');
    const copy = await delivery.copies.outcome(third);
    assert.deepEqual([copy.state, copy.finishedAttempts], ['delivered', 1]);
    await waitUntil(async () => (await delivery.copies.host('later')).up);
  });
});

describe('all workers together', () => {
  it('never hold more connections to a destination than its ceiling', async () => {
    const policy = delivery.policy({ primary: { limits: { connections: 4, messagesPerConnection: 5 } } });
    delivery.peer.standIn.script({ always: { 'final-dot': { delayMs: 30 } } });
    const workers = [await delivery.start(policy), await delivery.start(policy)];
    const mids = await copiesTo('primary', 60);
    for (const mid of mids) assert.equal((await delivery.copies.outcome(mid)).finishedAttempts, 1);
    assert.ok(delivery.peer.standIn.mostOpen <= 4, String(delivery.peer.standIn.mostOpen));
    assert.ok(delivery.peer.standIn.connections.every(({ messages }) => messages <= 5));
    const { ledger } = delivery.copies;
    const { intakes } = await ledger.counters();
    assert.equal(intakes['primary']?.delivered, 60);
    assert.ok(Object.values(intakes['primary']?.softBounced ?? {}).every((count) => count === 0));
    for (const worker of workers) assert.equal((await worker.get('/livez')).status, 200);
  });
});
