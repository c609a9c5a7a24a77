import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { sendMail } from '../support/smtp-sender.ts';
import { INTAKE_DOMAIN, type PolicyContext, type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

const policy = ({ port, caFile }: PolicyContext): string => `
version: 1
intakes:
  primary:
    address: journal@${INTAKE_DOMAIN}
    port: ${port}
    tls: { caFile: "${caFile}" }
    limits: { connections: 5, messagesPerConnection: 4 }
  dead:
    address: journal@dead.example
    port: ${port}
    tls: { caFile: "${caFile}" }
defaultIntake: primary
policies:
  - { name: to_dead, users: [{ recipient: { listed: ["dead@"] } }], connector: { custom: dead } }
`;

const MESSAGE = 'From: a@example.org\r\nSubject: connections\r\n\r\nText\r\n';

describe('outbound connections', () => {
  let stack: Stack;
  let silent: Server;
  before(async () => {
    stack = await startStack({ policy, deliveries: 2, delivery: { TDC_CONNECT_TIMEOUT_SECONDS: '5' } });
    // A host that takes connections and never says a word.
    silent = createServer((socket) => socket.on('error', () => socket.destroy()));
    silent.listen(stack.standIn.port, '127.0.0.2');
    stack.dns.set('dead.example', { mx: [{ exchange: 'mx.dead.example', preference: 10 }] });
    stack.dns.set('mx.dead.example', { a: ['127.0.0.2'] });
  });
  after(async () => {
    await stack.stop();
    silent.close();
  });
  afterEach(async () => {
    stack.standIn.script({});
    await stack.settled(60);
    await waitUntil(() => stack.standIn.open === 0, { what: 'idle connections to close' });
    stack.standIn.clear();
  });

  const send = (count: number, to = 'joe@example.com'): Promise<readonly string[]> =>
    Promise.all(
      Array.from({ length: count }, () => sendMail(stack.smtp, { from: 'a@example.org', to: [to] }, MESSAGE)),
    );

  it('at least 3 are opened for one message, and closed when the queue is empty', async () => {
    await send(1);
    await waitUntil(() => stack.standIn.mostOpen >= 3, { what: 'three connections' });
    await waitUntil(() => stack.standIn.open === 0, { what: 'the connections to close' });
    assert.equal(stack.standIn.messages.length, 1);
    assert.ok(stack.standIn.connections.every(({ verbs }) => verbs.at(-1) === 'QUIT'));
  });

  it('carry the configured number of messages each, and are replaced', async () => {
    await send(40);
    await stack.settled();
    const carried = stack.standIn.connections.map(({ messages }) => messages);
    assert.ok(Math.max(...carried) <= 4, String(carried));
    assert.ok(carried.includes(4), String(carried));
    assert.equal(stack.standIn.messages.length, 40);
  });

  it('never pass the ceiling, all workers together', async () => {
    stack.standIn.script({ always: { 'final-dot': { delayMs: 50 } } });
    await send(60);
    await stack.settled(60);
    assert.ok(stack.standIn.mostOpen <= 5, String(stack.standIn.mostOpen));
    assert.equal(stack.standIn.messages.length, 60);
    assert.ok(stack.log('delivery').some((line) => /Delivery start/.test(line)));
  });

  it('a 421 behind some messages is no failure of any of them', async () => {
    stack.standIn.script({ messagesPerConnection: 2 });
    const before = await stack.accounting();
    await send(20);
    const account = await stack.settled();
    assert.equal(account.delivered - before.delivered, 20);
    assert.equal(stack.standIn.messages.length, 20);
    assert.ok(stack.standIn.connections.every(({ messages }) => messages <= 2));
  });

  it('a host that refuses more connections than it likes loses no message, and no attempt has failed by that', async () => {
    // Less than either of the two workers wants: time and again one of them has none.
    stack.standIn.script({ maxConnections: 2 });
    const before = await stack.accounting();
    await send(1);
    await stack.settled();
    const replies = await send(100);
    const account = await stack.settled(60);
    assert.equal(account.delivered - before.delivered, 101);
    const copies = await Promise.all(
      replies.map((reply) => stack.track(Number(/MID (\d+)$/.exec(reply)?.[1]))),
    );
    assert.deepEqual(new Set(copies.map((copy) => copy?.finishedAttempts)), new Set([1]));
  });

  it('a destination that does not answer takes nothing from another', async () => {
    await send(30, 'dead@example.com');
    await send(10);
    await waitUntil(() => stack.standIn.messages.length === 10, {
      what: 'the copies for the host that is up',
    });
    const { hardBounced } = await stack.accounting();
    assert.equal(hardBounced, 0, 'the dead host was still being tried');
  });
});
