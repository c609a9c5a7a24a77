import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { describe, it } from 'node:test';

const urlOf = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);

interface Child {
  readonly pid: number;
  readonly log: Promise<string>;
  readonly errors: Promise<string>;
  /** What was written to descriptor 3 until it was closed. */
  readonly announced: Promise<string>;
  readonly exitCode: Promise<number | null>;
}

async function textOf(stream: Readable | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}

/** A process whose `start` has this body; it may use `context`, `ConfigError` and `InvariantError`. */
function run(body: string, env: Readonly<Record<string, string>> = {}): Child {
  const source = `
    import { InvariantError } from '@tdc/core';
    import { readCommonConfig } from ${urlOf('./common-config.ts')};
    import { ConfigError } from ${urlOf('./config-error.ts')};
    import { EnvReader } from ${urlOf('./env-reader.ts')};
    import { runService } from ${urlOf('./service.ts')};
    const loadConfig = (env) => {
      const read = new EnvReader(env);
      const config = readCommonConfig(read);
      read.throwIfInvalid();
      return config;
    };
    const start = async (context) => { ${body} };
    process.exit(await runService({ component: 'policy', loadConfig, start }, process.env));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    cwd: new URL('../..', import.meta.url),
    env: { TZ: 'UTC', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  return {
    pid: child.pid ?? 0,
    log: textOf(child.stdout),
    errors: textOf(child.stderr),
    announced: textOf(child.stdio[3] as Readable),
    exitCode: once(child, 'exit').then(([code]) => code as number | null),
  };
}

describe('a process ends', () => {
  it('with 78 when its environment is refused: every problem in one block, and in one log line', async () => {
    const child = run('', { TDC_HTTP_PORT: 'x', TDC_LOG_LEVEL: 'loud' });
    assert.equal(await child.exitCode, 78);
    assert.equal(
      await child.errors,
      `tdc policy cannot start:
  - TDC_LOG_LEVEL is 'loud': it must be one of debug, info, warning, critical
  - TDC_HTTP_PORT is 'x': it must be a whole number from 0 to 65535
`,
    );
    const lines = (await child.log).trimEnd().split('\n');
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', / Critical: policy cannot start: TDC_LOG_LEVEL .*; TDC_HTTP_PORT /);
  });

  it('logs that in JSON when JSON was asked for', async () => {
    const child = run('', { TDC_HTTP_PORT: 'x', TDC_LOG_FORMAT: 'json' });
    assert.equal(await child.exitCode, 78);
    assert.equal((JSON.parse(await child.log) as { event: string }).event, 'config-refused');
  });

  it('with 78 when what the configuration leads to is refused', async () => {
    const child = run("throw new ConfigError(['port 25 is in use (TDC_SMTP_PORT)']);");
    assert.equal(await child.exitCode, 78);
    assert.match(await child.errors, /^ {2}- port 25 is in use \(TDC_SMTP_PORT\)$/m);
  });

  const bugs: readonly [string, string, RegExp][] = [
    [
      'a broken promise of our own',
      "throw new InvariantError('impossible');",
      /promise of our own code was broken.*impossible/,
    ],
    ['an unexpected failure', "throw new Error('odd');", /unexpected failure.*odd/],
    ['an exception that nobody catches', "setImmediate(() => { throw new Error('odd'); });", /odd/],
    ['a rejection that nobody handles', "void Promise.reject(new Error('odd'));", /odd/],
  ];
  for (const [name, body, expected] of bugs) {
    it(`with 70 on ${name}, told in one line`, async () => {
      const child = run(`setInterval(() => {}, 1000); ${body}`);
      assert.equal(await child.exitCode, 70);
      const log = await child.log;
      assert.match(log, expected);
      assert.equal(log.trimEnd().split('\n').length, 1);
    });
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`with 0 after ${signal}, when its steps have run`, async () => {
      const child = run(`
        setInterval(() => {}, 1000);
        context.shutdown.add('work', async () => context.log.notice('info', 'done', 'work is done'));
        process.kill(process.pid, '${signal}');`);
      assert.equal(await child.exitCode, 0);
      assert.deepEqual(
        (await child.log).split('\n').map((line) => line.slice(25)),
        [`Info: draining: ${signal}`, 'Info: work is done', 'Info: stopped', ''],
      );
    });
  }

  it('with 0 after a signal that comes while it still starts', async () => {
    const child = run(`
      setInterval(() => {}, 1000);
      process.kill(process.pid, 'SIGTERM');
      await new Promise(() => {});`);
    assert.equal(await child.exitCode, 0);
  });
});

describe('a process that serves', () => {
  const announce = `context.announceReady({
    http: { host: '127.0.0.1', port: 9090 },
    grpc: { host: '127.0.0.1', port: 50051 },
    smtp: { host: '::', port: 2525 },
  });`;

  it('says so in one log line, and in one JSON line to TDC_READY_FD, which it closes', async () => {
    const child = run(`${announce} setInterval(() => {}, 1000);`, {
      TDC_READY_FD: '3',
      TDC_LOG_FORMAT: 'json',
    });
    // Comes when the descriptor is closed, while the process lives.
    assert.deepEqual(JSON.parse(await child.announced), {
      http: '127.0.0.1:9090',
      grpc: '127.0.0.1:50051',
      smtp: '[::]:2525',
    });
    process.kill(child.pid, 'SIGTERM');
    assert.equal(await child.exitCode, 0);
    const [first = ''] = (await child.log).split('\n');
    const { event, http, grpc } = JSON.parse(first) as Record<string, string>;
    assert.deepEqual([event, http, grpc], ['ready', '127.0.0.1:9090', '127.0.0.1:50051']);
  });

  for (const fd of ['1', '99', 'x', '']) {
    it(`runs all the same when TDC_READY_FD is '${fd}'`, async () => {
      const child = run(`${announce} context.shutdown.begin('test');`, { TDC_READY_FD: fd });
      assert.equal(await child.exitCode, 0);
      assert.doesNotMatch(await child.log, /^\{/m);
    });
  }
});
