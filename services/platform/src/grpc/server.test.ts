import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, describe, it } from 'node:test';
import {
  type ClientReadableStream,
  makeGenericClientConstructor,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { policyV1 } from '@tdc/proto';
import { service as healthService } from 'grpc-health-check';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { CLIENT_OPTIONS, callUnary } from './client.ts';
import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from './server.ts';
import { plaintextTransport } from './transport.ts';

const closing: (() => unknown)[] = [];
after(() => Promise.all(closing.map((close) => close())));

type WatchStream = ServerWritableStream<policyV1.WatchRequest, policyV1.WatchResponse>;

interface Served {
  readonly server: GrpcServer;
  readonly client: policyV1.PolicyServiceClient;
  readonly streams: Set<WatchStream>;
  /** How many GetSnapshots wait. */
  readonly waiting: () => number;
  /** Answers the GetSnapshot that waits; false when there is none. */
  readonly answer: () => boolean;
}

async function serve(options: Partial<GrpcServerOptions> = {}): Promise<Served> {
  const streams = new Set<WatchStream>();
  const waiting: sendUnaryData<policyV1.GetSnapshotResponse>[] = [];
  const server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    service: policyV1.PolicyServiceService,
    implementation: {
      getSnapshot: (_call: unknown, answer: sendUnaryData<policyV1.GetSnapshotResponse>) =>
        void waiting.push(answer),
      watch(stream: WatchStream) {
        streams.add(stream);
        stream.write({ event: { $case: 'heartbeat', value: { revision: 1 } } });
      },
      explain: () => undefined,
    },
    endStreams: () => {
      for (const stream of streams) stream.end();
    },
    ...options,
  });
  assert.ok(!('kind' in server));
  closing.push(() => server.stop(Date.now()));
  const client = new policyV1.PolicyServiceClient(
    `127.0.0.1:${server.port}`,
    plaintextTransport().channel,
    CLIENT_OPTIONS,
  );
  closing.push(() => client.close());
  return {
    server,
    client,
    streams,
    waiting: () => waiting.length,
    answer() {
      const answer = waiting.shift();
      answer?.(null, { snapshot: undefined, loadError: '' });
      return answer !== undefined;
    },
  };
}

/** How a stream ends: `end`, or the name of its status. */
function endOf(stream: ClientReadableStream<unknown>): Promise<string> {
  return new Promise((resolve) => {
    stream.once('end', () => resolve('end'));
    stream.once('error', (error: ServiceError) => resolve(status[error.code] ?? ''));
  });
}

/** An open Watch that has had its first message; `ended` tells how it ends. */
async function watch(client: policyV1.PolicyServiceClient) {
  const stream: ClientReadableStream<policyV1.WatchResponse> = client.watch({
    knownRevision: 0,
    knownSha256: '',
  });
  const ended = endOf(stream);
  await once(stream, 'data');
  stream.resume();
  return { ended };
}

const HealthClient = makeGenericClientConstructor(healthService, 'health');

/** What the standard health service says of the whole server. */
function healthOf(server: GrpcServer): Promise<unknown> {
  const client = new HealthClient(`127.0.0.1:${server.port}`, plaintextTransport().channel);
  closing.push(() => client.close());
  return new Promise((resolve, reject) => {
    client['check']?.({ service: '' }, (error: ServiceError | null, answer: { status: string }) =>
      error === null ? resolve(answer.status) : reject(error),
    );
  });
}

describe('a gRPC server', () => {
  it('is not serving until it is told so, and not any more when it is told so', async () => {
    const { server } = await serve();
    assert.equal(await healthOf(server), 'NOT_SERVING');
    server.setServing(true);
    assert.equal(await healthOf(server), 'SERVING');
    server.setServing(false);
    assert.equal(await healthOf(server), 'NOT_SERVING');
  });

  it('says which port on which address it cannot have', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const failure = await startGrpcServer({
      host: '127.0.0.1',
      port,
      service: policyV1.PolicyServiceService,
      implementation: { getSnapshot: () => undefined, watch: () => undefined, explain: () => undefined },
    });
    assert.deepEqual(failure, { kind: 'listen-failure', message: `port ${port} on 127.0.0.1 is in use` });
    other.close();
  });

  it('ends its streams when it stops', async () => {
    const { server, client } = await serve();
    const { ended } = await watch(client);
    await server.stop(Date.now() + 60_000);
    assert.equal(await ended, 'end');
  });

  it('lets a call finish when it stops', async () => {
    const { server, client, waiting, answer } = await serve();
    const { ended } = await watch(client);
    const asked = callUnary(client.getSnapshot.bind(client), {}, 60);
    await waitUntil(() => waiting() > 0, { what: 'the call to arrive' });
    const stopped = server.stop(Date.now() + 60_000);
    await ended;
    assert.ok(answer());
    assert.equal((await asked).kind, 'ok');
    await stopped;
  });

  it('cuts what is left at the deadline', async () => {
    const { server, client } = await serve({ endStreams: () => undefined });
    const { ended } = await watch(client);
    await server.stop(Date.now() + 50);
    assert.notEqual(await ended, 'end');
  });

  it('does not wait for those who watch its health', async () => {
    const { server } = await serve();
    const client = new HealthClient(`127.0.0.1:${server.port}`, plaintextTransport().channel);
    closing.push(() => client.close());
    const stream = client['watch']?.({ service: '' }) as ClientReadableStream<unknown>;
    const ended = endOf(stream);
    await once(stream, 'data');
    stream.resume();
    await server.stop(Date.now() + 3_600_000);
    assert.equal(await ended, 'end');
  });
});
