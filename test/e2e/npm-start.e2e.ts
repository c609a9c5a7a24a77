import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readJournal } from '../support/embedded-original.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');
const PORTS = [
  'TDC_SMTP_PORT',
  'TDC_STAND_IN_SMTP_PORT',
  'TDC_STAND_IN_HTTP_PORT',
  'TDC_POLICY_GRPC_PORT',
  'TDC_MONITOR_GRPC_PORT',
  'TDC_INTAKE_HTTP_PORT',
  'TDC_DELIVERY_HTTP_PORT',
  'TDC_POLICY_HTTP_PORT',
  'TDC_MONITOR_HTTP_PORT',
];

interface Addresses {
  readonly smtp: string;
  readonly metrics: Readonly<Record<string, string>>;
  readonly grpc: { readonly policy: string; readonly monitor: string };
  readonly standIn: { readonly smtp: string; readonly http: string };
  readonly redis: string;
  readonly policyFile: string;
  readonly logFile: string;
}

/** Processes of this machine whose environment names the folder: what a start leaves running. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(folder);
      } catch {
        return false;
      }
    });
}

const run = promisify(execFile);

describe('npm start', () => {
  let folder: string;
  let child: ChildProcess | undefined;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tdc-start-'));
  });
  afterEach(async () => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    child = undefined;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const start = (
    env: Readonly<Record<string, string>>,
  ): { readonly out: () => string; readonly err: () => string } => {
    const started = spawn('npm', ['start', '--silent', '--', '--json'], {
      cwd: ROOT,
      env: { ...process.env, TDC_STATE_DIR: folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    let out = '';
    let err = '';
    started.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
    });
    started.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      err += chunk;
    });
    return { out: () => out, err: () => err };
  };
  const anyPorts = Object.fromEntries(PORTS.map((name) => [name, '0']));

  it('says in one JSON line where everything is, takes mail, and leaves nothing running', async () => {
    const { out, err } = start(anyPorts);
    const line = await waitUntil(() => out().includes('\n') && out(), {
      withinSeconds: 60,
      what: `the first line; ${err()}`,
    });
    const where = JSON.parse(line.split('\n')[0] ?? '') as Addresses;
    assert.deepEqual(Object.keys(where).sort(), [
      'grpc',
      'logFile',
      'metrics',
      'policyFile',
      'redis',
      'smtp',
      'standIn',
    ]);
    assert.deepEqual(Object.keys(where.metrics).sort(), ['delivery', 'intake', 'monitor', 'policy']);

    const cli = (...args: string[]) =>
      run(process.execPath, ['services/cli/src/main.ts', ...args], {
        cwd: ROOT,
        env: {
          ...process.env,
          TDC_SMTP_ADDRESS: where.smtp,
          TDC_MONITOR_ADDRESS: where.grpc.monitor,
          TDC_POLICY_ADDRESS: where.grpc.policy,
        },
      });
    const sent = await cli('send', '--from', 'bill@lawfirm.com', '--to', 'jim@example.com', '--wait');
    assert.match(
      sent.stdout,
      /queued as MID 1\n.+ \| TDC: Message 1 was successfully delivered for scanning with Cisco Secure Email Threat Defense\.\n$/,
    );
    const top = await cli('tophosts');
    assert.match(top.stdout, /^1 {4}the\.tdc\.queue {23} 0 {7}\d {10}1 {10}0 {10}0$/m);
    const track = await cli('track', '1');
    assert.equal(track.stdout.trimEnd().split('\n').length, 1);

    const messages = (await (await fetch(`${where.standIn.http}/messages`)).json()) as { id: number }[];
    assert.equal(messages.length, 1);
    const copy = Buffer.from(
      await (await fetch(`${where.standIn.http}/messages/${messages[0]?.id}`)).arrayBuffer(),
    );
    assert.match(readJournal(copy).original.toString(), /^Date: .+\r\nFrom: <bill@lawfirm\.com>\r\n/);
    for (const url of Object.values(where.metrics))
      assert.match(await (await fetch(url)).text(), /^tdc_build_info\{/m);
    assert.match(readFileSync(where.logFile, 'utf8'), /Message finished MID 1 done/);

    child?.kill('SIGTERM');
    await waitUntil(() => processesOf(folder).length === 0, {
      withinSeconds: 30,
      what: 'every process to end',
    });
    assert.equal(out().trimEnd().split('\n').length, 1);
  });

  it('names a busy port, what wanted it and the variable that changes it', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const address = busy.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const { err } = start({ ...anyPorts, TDC_SMTP_PORT: String(port) });
      const [code] = (await once(child as ChildProcess, 'exit')) as [number];
      assert.equal(code, 78);
      assert.match(
        err(),
        new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use: mail needs it, TDC_SMTP_PORT chooses another`),
      );
      assert.deepEqual(processesOf(folder), []);
    } finally {
      busy.close();
    }
  });
});
