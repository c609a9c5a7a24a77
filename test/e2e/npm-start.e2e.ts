import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readJournal } from '../support/embedded-original.ts';
import { holdForTest } from '../support/leash.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { sendMail } from '../support/smtp-sender.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');
const ANY_PORTS = Object.fromEntries(
  [
    'TDC_SMTP_PORT',
    'TDC_STAND_IN_SMTP_PORT',
    'TDC_STAND_IN_HTTP_PORT',
    'TDC_POLICY_GRPC_PORT',
    'TDC_MONITOR_GRPC_PORT',
    'TDC_INTAKE_HTTP_PORT',
    'TDC_DELIVERY_HTTP_PORT',
    'TDC_POLICY_HTTP_PORT',
    'TDC_MONITOR_HTTP_PORT',
  ].map((name) => [name, '0']),
);

interface Addresses {
  readonly smtp: string;
  readonly metrics: Readonly<Record<string, string>>;
  readonly grpc: { readonly policy: string; readonly monitor: string };
  readonly standIn: { readonly smtp: string; readonly http: string };
  readonly redis: string;
  readonly policyFile: string;
  readonly logFile: string;
}

interface Started {
  readonly process: ChildProcess;
  out(): string;
  err(): string;
  /** What the JSON line says, once it is there. */
  addresses(): Promise<Addresses>;
  /** The exit status. */
  readonly ended: Promise<number | null>;
}

/** Processes of this machine whose environment names the folder, by their command line: what a start leaves running. */
function processesOf(folder: string): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const pid of readdirSync('/proc').map(Number)) {
    if (!(pid > 0) || pid === process.pid) continue;
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'latin1').includes(folder))
        found.set(pid, readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' '));
    } catch {
      // It has ended between the two looks.
    }
  }
  return found;
}

const run = promisify(execFile);
const JSON_FORM = ['start', '--silent', '--', '--json'];

describe('npm start', () => {
  let folder: string;
  const all: Started[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tdc-start-'));
  });
  afterEach(async () => {
    for (const { process: started, ended } of all.splice(0)) {
      started.kill('SIGTERM');
      await ended;
    }
    await nothingRuns();
  });
  after(() => {
    // Only behind a failure is anything left; it would keep this file from ending.
    for (const pid of processesOf(folder).keys()) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (
    env: Readonly<Record<string, string>> = {},
    args: readonly string[] = JSON_FORM,
  ): Started => {
    const started = spawn('npm', args, {
      cwd: ROOT,
      env: { ...process.env, TDC_STATE_DIR: folder, ...ANY_PORTS, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, as a terminal makes one.
      detached: true,
    });
    holdForTest(started);
    let out = '';
    let err = '';
    started.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
    });
    started.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      err += chunk;
    });
    const system: Started = {
      process: started,
      out: () => out,
      err: () => err,
      async addresses() {
        await waitUntil(() => out.includes('\n'), { withinSeconds: 60, what: `the first line; ${err}` });
        return JSON.parse(out.split('\n')[0] ?? '') as Addresses;
      },
      ended: once(started, 'exit').then(([code]) => code as number | null),
    };
    all.push(system);
    return system;
  };
  const nothingRuns = () =>
    waitUntil(() => processesOf(folder).size === 0, { withinSeconds: 30, what: 'every process to end' });

  it('says in one JSON line where everything is, takes mail, and leaves nothing running', async () => {
    const system = start();
    const where = await system.addresses();
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

    system.process.kill('SIGTERM');
    assert.equal(await system.ended, 0);
    assert.deepEqual(
      [...processesOf(folder).values()].filter((line) => /main\.ts|redis-server/.test(line)),
      [],
    );
    assert.equal(system.out().trimEnd().split('\n').length, 1);
  });

  it('npm start --json is the same; a folder is for one system; a kill leaves nothing running', async () => {
    const system = start({}, ['start', '--silent', '--json']);
    const where = await system.addresses();
    const second = start();
    assert.equal(await second.ended, 78);
    assert.match(second.err(), /is in use by another npm start: TDC_STATE_DIR chooses another folder/);
    assert.equal((await fetch(`${where.standIn.http}/healthz`)).status, 200);
    process.kill(-(system.process.pid ?? 0), 'SIGKILL');
    await nothingRuns();
  });

  it('shows the log, keeps an edited policy, and stops when one of its programs dies; a given Redis goes on', async () => {
    appendFileSync(join(folder, 'policy.yaml'), '# mine\n');
    const redis = await startRedisServer();
    try {
      const system = start({ TDC_REDIS_URL: redis.url }, ['start', '--silent']);
      await waitUntil(() => system.out().includes('Ctrl-C stops everything'), {
        withinSeconds: 60,
        what: 'the greeting',
      });
      const smtp = /^ {2}mail goes to {6}(\S+)$/m.exec(system.out())?.[1] ?? '';
      const envelope = { from: 'a@example.org', to: ['b@example.com'] };
      assert.match(await sendMail(smtp, envelope, 'Subject: x\r\n\r\nx\r\n'), /^250/);
      await waitUntil(() => system.out().includes('enqueued for forwarding to Cisco'), {
        what: 'the log line in the terminal',
      });
      assert.match(readFileSync(join(folder, 'policy.yaml'), 'utf8'), /^# mine$/m);
      const intake = [...processesOf(folder)].find(([, line]) => line.includes('services/intake/'))?.[0];
      process.kill(intake ?? 0, 'SIGKILL');
      assert.equal(await system.ended, 1);
      assert.match(system.err(), /^intake ended by itself: stopping; see /m);
      await nothingRuns();
      await redis.stop('SIGTERM');
    } finally {
      await redis.remove();
    }
  });

  it('stops at once when it is told to while it starts', async () => {
    const system = start();
    await waitUntil(() => [...processesOf(folder).values()].some((line) => line.includes('stand-in')), {
      withinSeconds: 30,
      what: 'the first program',
    });
    system.process.kill('SIGTERM');
    assert.equal(await system.ended, 0);
    assert.equal(system.out(), '');
  });

  it('names a busy port, what wanted it and the variable that changes it', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const address = busy.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const system = start({ TDC_SMTP_PORT: String(port) });
      assert.equal(await system.ended, 78);
      assert.match(
        system.err(),
        new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use: mail needs it, TDC_SMTP_PORT chooses another`),
      );
      assert.deepEqual([...processesOf(folder).values()], []);
    } finally {
      busy.close();
    }
  });
});
