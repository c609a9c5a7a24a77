import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { PolicySnapshot } from '@tdc/core';
import { policyV1 } from '@tdc/proto';
import { createAuthority } from '@tdc/stand-in';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { type GrpcServer, startGrpcServer } from '../grpc/server.ts';
import { type ClientTransport, mutualTlsClient, plaintextTransport } from '../grpc/transport.ts';
import { createMetrics, type Metrics } from '../process/metrics.ts';
import { hashOfDocument } from './policy-file.ts';
import { followPolicy, type PolicyFollower } from './policy-follower.ts';

type WatchStream = ServerWritableStream<policyV1.WatchRequest, policyV1.WatchResponse>;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A policy service by script: the test says what each watcher is sent. */
interface FakeService {
  readonly port: number;
  /** The requests of all watchers so far. */
  readonly requests: policyV1.WatchRequest[];
  send(event: policyV1.WatchResponse['event']): void;
  end(): void;
  stop(): Promise<void>;
}

async function serve(first?: policyV1.Snapshot, port = 0): Promise<FakeService> {
  const requests: policyV1.WatchRequest[] = [];
  const streams = new Set<WatchStream>();
  const server: GrpcServer | { kind: string } = await startGrpcServer({
    host: '127.0.0.1',
    port,
    service: policyV1.PolicyServiceService,
    implementation: {
      getSnapshot: () => undefined,
      explain: () => undefined,
      watch(stream: WatchStream) {
        requests.push(stream.request);
        streams.add(stream);
        stream.on('cancelled', () => streams.delete(stream));
        if (first !== undefined) stream.write({ event: { $case: 'snapshot', value: first } });
      },
    },
  });
  assert.ok(!('kind' in server));
  closing.push(() => server.stop(Date.now()));
  return {
    port: server.port,
    requests,
    send(event) {
      for (const stream of streams) stream.write({ event });
    },
    end() {
      for (const stream of streams) stream.end();
      streams.clear();
    },
    stop: () => server.stop(Date.now()),
  };
}

/** Who takes connections and closes them at once, as a server that wants TLS does. */
const hangUp = (port = 0) => turnAway((socket) => socket.destroy(), port);

/** Who takes connections and does this with each. */
async function turnAway(
  rebuff: (socket: Socket, connection: number) => unknown,
  port = 0,
): Promise<{ readonly port: number; readonly connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    rebuff(
      socket.on('error', () => undefined),
      connections,
    );
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

/** A snapshot of a document whose only intake has this alias. */
function snapshotOf(revision: number, alias: string): policyV1.Snapshot {
  const documentJson = JSON.stringify({ version: 1, intakes: { [alias]: { address: 'a@example.com' } } });
  return { revision, sha256: hashOfDocument(documentJson), documentJson, loadedAtMs: 0 };
}

interface Followed {
  readonly follower: PolicyFollower;
  readonly metrics: Metrics;
  readonly notices: readonly string[];
  /** Their texts. */
  readonly texts: readonly string[];
  /** The aliases of each revision that the listener was told. */
  readonly heard: readonly string[];
  /** Waits for a revision whose document has this alias. */
  readonly sees: (alias: string) => Promise<void>;
  readonly logged: (name: string) => Promise<void>;
}

const aliasOf = ({ document }: PolicySnapshot): string => Object.keys(document.intakes).join();

function follow(
  port: number,
  options: {
    stateFolder?: string;
    silenceSeconds?: number;
    now?: () => number;
    transport?: ClientTransport;
  } = {},
): Followed {
  const notices: string[] = [];
  const texts: string[] = [];
  const heard: string[] = [];
  const metrics = createMetrics({ component: 'intake', version: '1' });
  const follower = followPolicy({
    address: { host: '127.0.0.1', port },
    transport: plaintextTransport(),
    stateFolder: undefined,
    log: {
      log: () => undefined,
      flush: () => undefined,
      notice(_level, name, text) {
        notices.push(name);
        texts.push(text);
      },
    },
    metrics,
    now: Date.now,
    ...options,
  });
  closing.push(() => follower.stop());
  follower.onChange((snapshot) => heard.push(aliasOf(snapshot)));
  return {
    follower,
    metrics,
    notices,
    texts,
    heard,
    async sees(alias) {
      await waitUntil(() => heard.at(-1) === alias, { what: `intake ${alias} in force` });
    },
    async logged(name) {
      await waitUntil(() => notices.includes(name), { what: `notice ${name}` });
    },
  };
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-follower-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

const sampleOf = async (metrics: Metrics, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await metrics.text())?.[1]);

describe('a follower of the policy service', () => {
  it('has none before the first word', async () => {
    const { follower, metrics } = follow((await serve()).port);
    assert.equal(follower.current(), undefined);
    assert.equal(await sampleOf(metrics, 'tdc_policy_revision'), 0);
  });

  it('takes each revision into force and tells its listeners', async () => {
    const service = await serve(snapshotOf(1, 'a'));
    const { follower, metrics, heard, sees } = follow(service.port);
    await sees('a');
    service.send({ $case: 'snapshot', value: snapshotOf(2, 'b') });
    await sees('b');
    assert.deepEqual(heard, ['a', 'b']);
    assert.equal(follower.current()?.revision, 2);
    assert.equal(await sampleOf(metrics, 'tdc_policy_revision'), 2);
    const late: string[] = [];
    follower.onChange((snapshot) => late.push(aliasOf(snapshot)));
    assert.deepEqual(late, ['b']);
  });

  it('asks for what it does not have yet: first all, then what follows its revision', async () => {
    const first = snapshotOf(7, 'a');
    const service = await serve(first);
    const { sees } = follow(service.port);
    await sees('a');
    service.end();
    await waitUntil(() => service.requests.length === 2, { what: 'a second watch' });
    assert.deepEqual(service.requests, [
      { knownRevision: 0, knownSha256: '' },
      { knownRevision: 7, knownSha256: first.sha256 },
    ]);
  });

  it('goes back to a lower number when the service does: numbers may begin anew', async () => {
    const service = await serve(snapshotOf(9, 'a'));
    const { follower, sees } = follow(service.port);
    await sees('a');
    service.send({ $case: 'snapshot', value: snapshotOf(1, 'b') });
    await sees('b');
    assert.equal(follower.current()?.revision, 1);
  });

  const refused: readonly [string, (good: policyV1.Snapshot) => policyV1.Snapshot][] = [
    ['that is not what its hash says', (good) => ({ ...good, sha256: good.sha256.replace(/^./, '-') })],
    ['that is no JSON', (good) => ({ ...good, documentJson: '{', sha256: hashOfDocument('{') })],
    ['that is no valid document', (good) => ({ ...good, documentJson: '{}', sha256: hashOfDocument('{}') })],
  ];
  for (const [name, spoil] of refused) {
    it(`keeps its own when it is sent one ${name}`, async () => {
      const service = await serve(snapshotOf(1, 'a'));
      const { follower, heard, sees, logged } = follow(service.port);
      await sees('a');
      service.send({ $case: 'snapshot', value: spoil(snapshotOf(2, 'b')) });
      await logged('policy-refused');
      assert.equal(follower.current()?.revision, 1);
      assert.deepEqual(heard, ['a']);
      service.send({ $case: 'snapshot', value: snapshotOf(3, 'c') });
      await sees('c');
    });
  }

  it('keeps its own while the service is away, and finds it when it is back', async () => {
    const service = await serve(snapshotOf(1, 'a'));
    const { follower, notices, sees, logged } = follow(service.port);
    await sees('a');
    await service.stop();
    await logged('policy-lost');
    assert.equal(follower.current()?.revision, 1);
    await serve(snapshotOf(2, 'b'), service.port);
    await sees('b');
    assert.deepEqual(notices, ['policy-revision', 'policy-lost', 'policy-back', 'policy-revision']);
  });

  it('says once why a service cannot be spoken to, however often it tries', async () => {
    const { port, connections } = await hangUp();
    const { notices, texts } = follow(port);
    await waitUntil(() => connections() >= 3, { what: 'a third attempt' });
    assert.deepEqual(notices, ['policy-lost']);
    assert.match(
      texts[0] ?? '',
      /^the policy service cannot be spoken to: it closed the connection: .*none yet$/,
    );
  });

  it('says each reason once, where several servers have several', async () => {
    const authority = await createAuthority();
    const { cert, key } = await authority.issue({ names: ['127.0.0.1'], client: true });
    const { port, connections } = await turnAway((socket, connection) =>
      connection % 2 === 0 ? socket.destroy() : socket.end('220 no TLS here\r\n'),
    );
    const ca = Buffer.from(authority.cert);
    const transport = mutualTlsClient({ cert: Buffer.from(cert), key: Buffer.from(key), ca });
    const { notices, texts } = follow(port, { transport });
    await waitUntil(() => connections() >= 5, { withinSeconds: 30, what: 'a fifth attempt' });
    assert.deepEqual(notices, ['policy-lost', 'policy-lost']);
    assert.match(texts[0] ?? '', /it does not speak TLS/);
    assert.match(texts[1] ?? '', /it closed the connection/);
  });

  it('says so, too, of a service that was away before', async () => {
    const service = await serve(snapshotOf(1, 'a'));
    const { notices, texts, sees, logged } = follow(service.port);
    await sees('a');
    await service.stop();
    await logged('policy-lost');
    await hangUp(service.port);
    await waitUntil(() => notices.length === 3, { what: 'a second reason' });
    assert.deepEqual(notices, ['policy-revision', 'policy-lost', 'policy-lost']);
    assert.match(texts[1] ?? '', /^the policy service does not answer/);
    assert.match(
      texts[2] ?? '',
      /cannot be spoken to: it closed the connection: .*revision 1 stays in force$/,
    );
  });

  it('takes a silent stream for dead and asks anew; a heartbeat is a word', async () => {
    const service = await serve(snapshotOf(1, 'a'));
    const { notices, sees, logged } = follow(service.port, { silenceSeconds: 1 });
    await sees('a');
    let beats = 0;
    const beat = setInterval(() => {
      service.send({ $case: 'heartbeat', value: { revision: 1 } });
      beats += 1;
    }, 50);
    await waitUntil(() => beats > 30, { what: 'heartbeats for longer than the silence' });
    clearInterval(beat);
    assert.deepEqual(notices, ['policy-revision']);
    await logged('policy-lost');
    await logged('policy-back');
  });

  it('asks anew where nobody says a first word', async () => {
    const service = await serve();
    const { logged } = follow(service.port, { silenceSeconds: 0.2 });
    await logged('policy-lost');
    await waitUntil(() => service.requests.length > 1, { what: 'a second watch' });
  });

  it('tells for how long it has heard nothing', async () => {
    let now = 1_000_000;
    const service = await serve(snapshotOf(1, 'a'));
    const { metrics, sees } = follow(service.port, { now: () => now });
    await sees('a');
    now += 42_000;
    assert.equal(await sampleOf(metrics, 'tdc_policy_stale_seconds'), 42);
    service.send({ $case: 'heartbeat', value: { revision: 1 } });
    await waitUntil(async () => (await sampleOf(metrics, 'tdc_policy_stale_seconds')) === 0);
  });

  it('asks nobody any more once it is stopped', async () => {
    const service = await serve(snapshotOf(1, 'a'));
    const { follower, notices, sees } = follow(service.port);
    await sees('a');
    follower.stop();
    service.end();
    assert.deepEqual(notices, ['policy-revision']);
    assert.equal(service.requests.length, 1);
  });
});

describe('the last good copy', () => {
  /** A folder in which a follower has kept revision 5, with intake `a`. */
  async function keptFolder(): Promise<{ stateFolder: string; port: number }> {
    const stateFolder = temporaryFolder();
    const service = await serve(snapshotOf(5, 'a'));
    const { follower, sees } = follow(service.port, { stateFolder });
    await sees('a');
    await waitUntil(() => readFileSync(join(stateFolder, 'policy-snapshot.json')).length > 0);
    follower.stop();
    await service.stop();
    return { stateFolder, port: service.port };
  }

  it('is in force at once when the service is away', async () => {
    const { stateFolder, port } = await keptFolder();
    const { follower, notices } = follow(port, { stateFolder });
    assert.equal(follower.current()?.revision, 5);
    assert.deepEqual(notices, ['policy-from-file']);
  });

  it('gives way to what the service says', async () => {
    const { stateFolder, port } = await keptFolder();
    const { heard, sees } = follow(port, { stateFolder });
    await serve(snapshotOf(2, 'b'), port);
    await sees('b');
    assert.deepEqual(heard, ['a', 'b']);
  });

  const spoilt: readonly [string, (kept: string) => string][] = [
    ['is cut short', (kept) => kept.slice(0, -10)],
    ['is empty', () => ''],
    ['was edited', (kept) => kept.replace('a@example.com', 'b@example.com')],
    ['has no number', (kept) => kept.replace('"revision":5', '"revision":"5"')],
    ['is another thing', () => '[]'],
    ['is null', () => 'null'],
  ];
  for (const [name, spoil] of spoilt) {
    it(`is not used when it ${name}, and that is told`, async () => {
      const { stateFolder, port } = await keptFolder();
      const path = join(stateFolder, 'policy-snapshot.json');
      writeFileSync(path, spoil(readFileSync(path, 'utf8')));
      const { follower, notices } = follow(port, { stateFolder });
      assert.equal(follower.current(), undefined);
      assert.deepEqual(notices, ['policy-file-unusable']);
    });
  }

  it('that cannot be kept is told, and the revision is in force all the same', async () => {
    const stateFolder = temporaryFolder();
    mkdirSync(join(stateFolder, 'policy-snapshot.json'));
    const service = await serve(snapshotOf(1, 'a'));
    const { sees, logged } = follow(service.port, { stateFolder });
    await sees('a');
    await logged('policy-not-saved');
  });

  it('is read by its owner alone', async () => {
    const { stateFolder } = await keptFolder();
    assert.equal(statSync(join(stateFolder, 'policy-snapshot.json')).mode & 0o777, 0o600);
  });
});
