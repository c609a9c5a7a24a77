import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type Flaw,
  type GrpcTlsGround,
  prepareGrpcTls,
  type TlsProcess,
} from '../support/grpc-tls-ground.ts';

const MAIN = resolve(fileURLToPath(import.meta.url), '../../../services/cli/src/main.ts');

describe('tdc and services with mutual TLS', () => {
  let ground: GrpcTlsGround;
  let policy: TlsProcess;
  let monitor: TlsProcess;
  before(async () => {
    ground = await prepareGrpcTls();
    policy = await ground.start(
      'policy',
      (await ground.mount({ names: ['localhost', '127.0.0.1'] })).environment,
    );
    monitor = await ground.start('monitor', (await ground.mount()).environment);
    await Promise.all([policy.process.ready(), monitor.process.ready()]);
  });
  after(() => ground?.remove());

  async function tdc(words: readonly string[], env: Readonly<Record<string, string>>) {
    const addresses = { TDC_POLICY_ADDRESS: policy.grpc, TDC_MONITOR_ADDRESS: monitor.grpc };
    const child = spawn(process.execPath, [MAIN, ...words], {
      env: { PATH: process.env['PATH'], ...addresses, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number]>,
    ]);
    return { code, out, err };
  }

  const environmentOf = async (flaw?: Flaw) => (await ground.mount(flaw)).environment;

  it('asks policy and monitor with a certificate of theirs', async () => {
    const env = await environmentOf();
    const shown = await tdc(['policy', 'show'], env);
    assert.deepEqual([shown.code, shown.err], [0, '']);
    assert.match(shown.out, /^Revision 1,/);
    const { certFile, keyFile, caFile } = await ground.mount();
    const flags = ['--grpc-cert', certFile, '--grpc-key', keyFile, '--grpc-ca', caFile];
    const top = await tdc(['tophosts', ...flags], {});
    assert.deepEqual([top.code, top.err], [0, '']);
    assert.match(top.out, /the\.tdc\.queue/);
  });

  it('has nothing to say of an address without a name', async () => {
    const port = policy.grpc.split(':')[1] ?? '';
    const shown = await tdc(['policy', 'show', '--policy', `127.0.0.1:${port}`], await environmentOf());
    assert.deepEqual([shown.code, shown.err], [0, '']);
  });

  it('without one says that TLS may be wanted', async () => {
    for (const [words, line] of [
      [['policy', 'show'], `the policy service cannot be spoken to at ${policy.grpc}`],
      [['tophosts'], `the monitor cannot be spoken to at ${monitor.grpc}`],
    ] as const) {
      const { code, out, err } = await tdc(words, {});
      assert.deepEqual([code, out], [69, '']);
      assert.ok(
        err.startsWith(`${line}: it closed the connection: it may want TLS (TDC_GRPC_TLS_CERT_FILE)`),
        err,
      );
      assert.equal(err.trimEnd().split('\n').length, 1);
    }
  });

  it('with one of another authority says that it may be refused', async () => {
    const { code, err } = await tdc(['tophosts'], await environmentOf({ by: ground.foreign }));
    assert.equal(code, 69);
    assert.match(err, /cannot be spoken to .*: it may refuse our certificate/);
  });

  it('does not believe a service under another name', async () => {
    const address = monitor.grpc.replace('localhost', '127.0.0.1');
    const { code, err } = await tdc(['tophosts', '--monitor', address], await environmentOf());
    assert.equal(code, 69);
    assert.match(err, /cannot be spoken to .*: its certificate is for another name/);
  });
});
