import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { policyV1 } from '@tdc/proto';
import { expositionProblems } from '../support/exposition.ts';
import { follow, lineOf, type PolicyProcess, startPolicy } from '../support/policy-process.ts';
import { sampleOf } from '../support/prometheus-text.ts';
import { startService } from '../support/service-process.ts';
import { useRedis } from '../support/use-redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const redis = useRedis();

let folder = '';
let policyFile = '';
const closing: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tdc-policy-'));
  policyFile = join(folder, 'policy.yaml');
  mkdirSync(join(folder, 'state'));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true });
});

/** A document that differs by its alias. */
const documentOf = (alias: string): string =>
  `version: 1\nintakes: { ${alias}: { address: a@example.com } }\n`;
const write = (alias: string): void => writeFileSync(policyFile, documentOf(alias));

const environment = (): Record<string, string> => ({
  TDC_POLICY_FILE: policyFile,
  TDC_REDIS_URL: redis.server.url,
  TDC_STATE_DIR: join(folder, 'state'),
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<PolicyProcess> {
  const policy = await startPolicy({ ...environment(), ...env });
  closing.push(() => policy.stop());
  return policy;
}

/** The same service once more, on the address it had. */
const restart = (policy: PolicyProcess): Promise<PolicyProcess> =>
  start({ TDC_GRPC_PORT: policy.address.split(':')[1] ?? '' });

function followed(...args: Parameters<typeof follow>): ReturnType<typeof follow> {
  const following = follow(...args);
  closing.push(() => following.follower.stop());
  return following;
}

async function revisionOf(policy: PolicyProcess): Promise<number | undefined> {
  const result = await policy.snapshot();
  return result.kind === 'ok' ? result.value.snapshot?.revision : undefined;
}

describe('an edit of the policy document', () => {
  it('is pushed to the followers as a new revision', async () => {
    write('one');
    const policy = await start();
    const { follower, sees, samples } = followed(policy.address);
    await sees(1);
    write('two');
    await sees(2);
    assert.deepEqual(Object.keys(follower.current()?.document.intakes ?? {}), ['two']);
    assert.equal(sampleOf(await samples(), 'tdc_policy_revision'), 2);
    const own = await policy.samples();
    assert.equal(sampleOf(own, 'tdc_policy_revision'), 2);
    assert.equal(sampleOf(own, 'tdc_policy_loads_total', { result: 'valid' }), 2);
    assert.equal(sampleOf(own, 'tdc_policy_watchers'), 1);
  });

  it('that is taken back has the number it had', async () => {
    write('one');
    const policy = await start();
    const { sees } = followed(policy.address);
    await sees(1);
    write('two');
    await sees(2);
    write('one');
    await sees(1);
  });

  it('that is not valid changes nothing but the error: log, answer and metric name it', async () => {
    write('one');
    const policy = await start();
    const { follower, sees, notices } = followed(policy.address);
    await sees(1);
    writeFileSync(policyFile, `${documentOf('two')}defaultIntake: twoo\nconector: enabled\n`);
    const at = `${policyFile}:`;
    await policy.logged(
      /^Critical: .*policy\.yaml:3:1: defaultIntake: there is no intake twoo; did you mean two\?$/,
    );
    await policy.logged(/^Critical: .*policy\.yaml:4:1: conector: unknown key; did you mean connector\?$/);
    const result = await policy.snapshot();
    assert.ok(result.kind === 'ok');
    assert.equal(result.value.snapshot?.revision, 1);
    assert.deepEqual(
      result.value.loadError.split('\n').map((line) => line.slice(0, at.length + 3)),
      [`${at}3:1`, `${at}4:1`],
    );
    assert.equal(sampleOf(await policy.samples(), 'tdc_policy_document_valid'), 0);
    assert.equal((await policy.get('/readyz')).status, 200);
    write('two');
    await sees(2);
    assert.equal(sampleOf(await policy.samples(), 'tdc_policy_document_valid'), 1);
    assert.deepEqual(notices, ['policy-revision', 'policy-revision']);
    assert.equal(follower.current()?.revision, 2);
  });

  it('by a ConfigMap, which swaps a link, is seen', async () => {
    const update = (name: string): void => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'policy.yaml'), documentOf(name));
      symlinkSync(name, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    update('one');
    symlinkSync(join('..data', 'policy.yaml'), policyFile);
    const { sees } = followed((await start()).address);
    await sees(1);
    update('two');
    await sees(2);
  });

  it('has one number, whichever replica reads it', async () => {
    write('one');
    const first = await start();
    const second = await start({ TDC_STATE_DIR: '' });
    assert.deepEqual([await revisionOf(first), await revisionOf(second)], [1, 1]);
    const followers = [followed(first.address), followed(second.address)];
    write('two');
    for (const { sees } of followers) await sees(2);
  });
});

describe('without Redis', () => {
  let away = false;
  const stopRedis = async (): Promise<void> => {
    await redis.server.stop();
    away = true;
  };
  const startRedis = async (): Promise<void> => {
    if (away) await redis.server.start();
    away = false;
    await waitUntil(async () => (await redis.client.ping()) === 'PONG', { what: 'Redis back' });
  };
  afterEach(startRedis);

  it('a document that was in force before has its number, and serves', async () => {
    write('one');
    const before = await start();
    await before.stop();
    await stopRedis();
    const policy = await start();
    assert.equal(await revisionOf(policy), 1);
    assert.equal((await policy.get('/readyz')).status, 200);
  });

  it('a new document waits for its number; the last good one serves, and what is wrong is told', async () => {
    write('one');
    const policy = await start();
    const { sees } = followed(policy.address);
    await sees(1);
    await stopRedis();
    write('two');
    await policy.logged(/^Warning: the policy has no revision number yet: /);
    const result = await policy.snapshot();
    assert.ok(result.kind === 'ok');
    assert.equal(result.value.snapshot?.revision, 1);
    assert.match(result.value.loadError, /the document is valid, but has no revision number yet/);
    await startRedis();
    await waitUntil(
      async () => (await policy.snapshot().then((now) => now.kind === 'ok' && now.value.loadError)) === '',
    );
  });

  it('a first document waits: alive, not ready, and ready when Redis is', async () => {
    write('one');
    await stopRedis();
    const starting = startService('policy', {
      ...environment(),
      TDC_GRPC_HOST: '127.0.0.1',
      TDC_GRPC_PORT: '0',
      TDC_STATE_DIR: '',
    });
    closing.push(() => starting.stop());
    await lineOf(starting, /^Warning: the policy has no revision number yet/);
    assert.ok(!starting.lines().some((line) => line.includes(' ready: ')));
    await startRedis();
    await starting.ready();
  });

  it('a process that still waits stops when it is told to', async () => {
    write('one');
    await stopRedis();
    const starting = startService('policy', { ...environment(), TDC_GRPC_PORT: '0', TDC_STATE_DIR: '' });
    await lineOf(starting, /^Warning: the policy has no revision number yet/);
    assert.deepEqual(await starting.stop(), { code: 0, signal: null });
  });
});

describe('a follower', () => {
  it('starts from its last good copy when the service is away', async () => {
    write('one');
    const policy = await start();
    const stateFolder = join(folder, 'state');
    const first = followed(policy.address, { stateFolder });
    await first.sees(1);
    first.follower.stop();
    await policy.stop();
    const second = followed(policy.address, { stateFolder });
    assert.equal(second.follower.current()?.revision, 1);
    await waitUntil(() => second.notices.includes('policy-lost'));
    assert.equal(second.follower.current()?.revision, 1);
  });

  it('survives the death of the service and sees what was edited meanwhile', async () => {
    write('one');
    const policy = await start();
    const { follower, sees, notices } = followed(policy.address);
    await sees(1);
    await policy.process.stop('SIGKILL');
    await waitUntil(() => notices.includes('policy-lost'));
    assert.equal(follower.current()?.revision, 1);
    write('two');
    await restart(policy);
    await sees(2);
    assert.ok(notices.includes('policy-back'));
  });

  it('is told nothing new by a service that begins again with the same document', async () => {
    write('one');
    const policy = await start();
    const { sees, notices } = followed(policy.address);
    await sees(1);
    await policy.process.stop('SIGKILL');
    await restart(policy);
    await waitUntil(() => notices.includes('policy-back'));
    assert.deepEqual(notices, ['policy-revision', 'policy-lost', 'policy-back']);
  });

  it('follows numbers that begin anew', async () => {
    for (const alias of ['one', 'two']) {
      write(alias);
      await (await start()).stop();
    }
    write('three');
    const policy = await start();
    const { sees } = followed(policy.address);
    await sees(3);
    await policy.process.stop('SIGKILL');
    await redis.client.flushall();
    write('four');
    await restart(policy);
    await sees(1);
  });

  it('notices a service that is silent, and finds it when it speaks', async () => {
    write('one');
    const policy = await start();
    const { follower, sees, notices, samples } = followed(policy.address, { silenceSeconds: 1 });
    await sees(1);
    policy.process.signal('SIGSTOP');
    await waitUntil(() => notices.includes('policy-lost'));
    await waitUntil(async () => (sampleOf(await samples(), 'tdc_policy_stale_seconds') ?? 0) > 1);
    assert.equal(follower.current()?.revision, 1);
    policy.process.signal('SIGCONT');
    await waitUntil(() => notices.includes('policy-back'), { withinSeconds: 30 });
  });
});

/** Opens a Watch and reads nothing of it. Bare HTTP/2: the library's own client reads ahead, whoever pauses it. */
function watchWithoutReading(address: string): ClientHttp2Stream {
  const session = connect(`http://${address}`);
  closing.push(() => session.destroy());
  session.on('error', () => undefined);
  const stream = session.request({
    ':method': 'POST',
    ':path': policyV1.PolicyServiceService.watch.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  // One message of no octets: not compressed, length 0.
  stream.end(Buffer.alloc(5));
  stream.pause();
  return stream;
}

describe('a watcher that does not read', () => {
  it('is let go; the others see every revision', async () => {
    const users = Array.from({ length: 8000 }, (_, n) => `someone.with.a.long.name.${n}@example.com`).join(
      ', ',
    );
    const writeLarge = (alias: string): void =>
      writeFileSync(policyFile, `${documentOf(alias)}groups: { g: [${users}] }\n`);
    writeLarge('r0');
    const policy = await start();
    const stream = watchWithoutReading(policy.address);
    const { sees } = followed(policy.address);
    await sees(1);
    await waitUntil(async () => sampleOf(await policy.samples(), 'tdc_policy_watchers') === 2);
    let revision = 1;
    await waitUntil(
      async () => {
        revision += 1;
        writeLarge(`r${revision}`);
        await sees(revision);
        return sampleOf(await policy.samples(), 'tdc_policy_watchers') === 1;
      },
      { withinSeconds: 60, what: 'the slow watcher let go' },
    );
    assert.equal(stream.closed, false, 'it was not cut: it may still read what it was sent');
  });
});

describe('the process', () => {
  it('refuses to start on a document that is not valid, with line and field', async () => {
    writeFileSync(policyFile, 'version: 1\nintakes:\n  a: { adress: x@example.com }\ndefaultIntake: b\n');
    const refused = startService('policy', environment());
    assert.deepEqual(await refused.exited, { code: 78, signal: null });
    assert.match(
      refused.errors(),
      /policy\.yaml:3:8: intakes\.a\.adress: unknown key; did you mean address\?\n/,
    );
    assert.match(refused.errors(), /policy\.yaml:4:1: defaultIntake: there is no intake b/);
  });

  for (const [variable, name] of [
    ['TDC_GRPC_PORT', 'TDC_GRPC_HOST'],
    ['TDC_HTTP_PORT', 'TDC_HTTP_HOST'],
  ] as const) {
    it(`says that the port of ${variable} is in use`, async () => {
      write('one');
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as { port: number };
      const refused = startService('policy', {
        ...environment(),
        TDC_GRPC_PORT: '0',
        [variable]: String(port),
        [name]: '127.0.0.1',
      });
      assert.deepEqual(await refused.exited, { code: 78, signal: null });
      assert.equal(
        refused.errors(),
        `tdc policy cannot start:\n  - port ${port} on 127.0.0.1 is in use (${variable})\n`,
      );
      other.close();
    });
  }

  it('stops cleanly although followers watch, and lets them go', async () => {
    write('one');
    const policy = await start({ TDC_SHUTDOWN_SECONDS: '60' });
    const { sees, notices } = followed(policy.address);
    await sees(1);
    assert.deepEqual(await policy.process.stop('SIGTERM'), { code: 0, signal: null });
    await waitUntil(() => notices.includes('policy-lost'));
    assert.match(policy.process.lines().at(-1) ?? '', / Info: stopped$/);
  });

  it('exports what Prometheus can read', async () => {
    write('one');
    const policy = await start();
    assert.deepEqual(expositionProblems((await policy.get('/metrics')).text), []);
  });

  it('explains what would become of a message', async () => {
    writeFileSync(policyFile, `${documentOf('one')}defaultIntake: one\n`);
    const policy = await start();
    const request = {
      sender: 'joe@yahoo.com',
      recipients: ['ann@example.com'],
      clientAddress: '192.0.2.1',
      headers: Buffer.alloc(0),
      trusted: true,
      authenticated: false,
    };
    const explained = await new Promise<policyV1.ExplainResponse>((resolve, reject) => {
      policy.client.explain(request, (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
    assert.deepEqual(
      [explained.revision, explained.direction, explained.splinters[0]?.intakeAddress],
      [1, 'incoming', 'a@example.com'],
    );
  });
});
