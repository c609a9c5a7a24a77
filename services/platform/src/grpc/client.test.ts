import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, describe, it } from 'node:test';
import { type sendUnaryData, status } from '@grpc/grpc-js';
import { policyV1 } from '@tdc/proto';
import { CLIENT_OPTIONS, callUnary, grpcTarget, isUnreachable } from './client.ts';
import { type GrpcServer, startGrpcServer } from './server.ts';
import { plaintextTransport } from './transport.ts';

const closing: (() => unknown)[] = [];
after(() => Promise.all(closing.map((close) => close())));

type Answer = (answer: sendUnaryData<policyV1.GetSnapshotResponse>) => void;

/** A policy service whose GetSnapshot answers so. */
async function serve(snapshot: Answer, port = 0): Promise<GrpcServer> {
  const server = await startGrpcServer({
    host: '127.0.0.1',
    port,
    service: policyV1.PolicyServiceService,
    implementation: {
      getSnapshot: (_call: unknown, answer: sendUnaryData<policyV1.GetSnapshotResponse>) => snapshot(answer),
      watch: () => undefined,
      explain: () => undefined,
    },
  });
  assert.ok(!('kind' in server));
  closing.push(() => server.stop(Date.now()));
  return server;
}

function clientOf(port: number): policyV1.PolicyServiceClient {
  const target = grpcTarget({ host: '127.0.0.1', port });
  const client = new policyV1.PolicyServiceClient(target, plaintextTransport().channel, CLIENT_OPTIONS);
  closing.push(() => client.close());
  return client;
}

const ask = (client: policyV1.PolicyServiceClient, seconds = 10) =>
  callUnary(client.getSnapshot.bind(client), {}, seconds);

const SNAPSHOT: policyV1.GetSnapshotResponse = { snapshot: undefined, loadError: 'none' };

describe('a call', () => {
  it('answers with the response', async () => {
    const { port } = await serve((answer) => answer(null, SNAPSHOT));
    assert.deepEqual(await ask(clientOf(port)), { kind: 'ok', value: SNAPSHOT });
  });

  it('answers with status and words when the server refuses', async () => {
    const { port } = await serve((answer) => answer({ code: status.NOT_FOUND, details: 'no such thing' }));
    assert.deepEqual(await ask(clientOf(port)), {
      kind: 'failed',
      code: status.NOT_FOUND,
      message: 'no such thing',
    });
  });

  it('ends at its deadline when the server is silent', async () => {
    const { port } = await serve(() => undefined);
    const result = await ask(clientOf(port), 0.2);
    assert.ok(result.kind === 'failed');
    assert.equal(result.code, status.DEADLINE_EXCEEDED);
    assert.ok(isUnreachable(result.code));
  });

  it('fails at once where nobody listens', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    closed.close();
    const result = await ask(clientOf(port), 60);
    assert.ok(result.kind === 'failed');
    assert.equal(result.code, status.UNAVAILABLE);
    assert.ok(isUnreachable(result.code));
  });

  it('reaches a server that went away and came back, through the same client', async () => {
    const first = await serve((answer) => answer(null, SNAPSHOT));
    const client = clientOf(first.port);
    assert.equal((await ask(client)).kind, 'ok');
    await first.stop(Date.now());
    assert.equal((await ask(client)).kind, 'failed');
    await serve((answer) => answer(null, SNAPSHOT), first.port);
    const deadline = Date.now() + 10_000;
    let result = await ask(client);
    while (result.kind === 'failed' && Date.now() < deadline) result = await ask(client);
    assert.equal(result.kind, 'ok');
  });
});

describe('the target of an address', () => {
  const cases: readonly [string, string][] = [
    ['policy.tdc.svc', 'dns:///policy.tdc.svc:50051'],
    ['localhost', 'dns:///localhost:50051'],
    ['192.0.2.1', '192.0.2.1:50051'],
    ['2001:db8::1', '[2001:db8::1]:50051'],
  ];
  for (const [host, target] of cases) {
    it(`${host} is ${target}`, () => assert.equal(grpcTarget({ host, port: 50_051 }), target));
  }
});
