import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProgram } from './end-program.ts';
import { holdForTest } from './leash.ts';
import { waitUntil } from './wait-until.ts';

/** A redis-server of a test's own on a port of this machine, as one of several: Sentinels and Clusters need ports. */
export interface RedisNode {
  readonly port: number;
  /** Asks it with redis-cli; throws when it does not answer, or answers with an error. */
  ask(...command: readonly string[]): string;
  /** Ends it, by default as a crash does; what it kept on disk is there when it starts again. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
}

export interface RedisNodeOptions {
  readonly port: number;
  /** Address to listen on; 127.0.0.1 by default. */
  readonly host?: string | undefined;
  /** Lines of its configuration file. */
  readonly config?: readonly string[];
  readonly sentinel?: boolean;
  /** The port takes TLS alone. */
  readonly tls?: boolean;
  /** How redis-cli gets in: user, password, TLS. */
  readonly access?: readonly string[];
}

/** Starts a server and waits until it answers. */
export async function startRedisNode(options: RedisNodeOptions): Promise<RedisNode> {
  const { port, host = '127.0.0.1', config = [], access = [] } = options;
  const folder = mkdtempSync(join(tmpdir(), 'tdc-redis-node-'));
  const file = join(folder, 'node.conf');
  const listen = options.tls === true ? ['port 0', `tls-port ${port}`] : [`port ${port}`];
  const own = [
    `bind ${host}`,
    ...(host === '127.0.0.1' ? [] : ['protected-mode no']),
    ...listen,
    `dir ${folder}`,
    ...(options.sentinel === true ? [] : ['save ""']),
  ];
  writeFileSync(file, `${[...own, ...config].join('\n')}\n`);
  let child: ChildProcess | undefined;
  const ask = (...command: readonly string[]): string =>
    execFileSync('redis-cli', ['-e', '-h', host, '-p', String(port), ...access, ...command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 5000,
    }).trim();
  const start = async (): Promise<void> => {
    child = spawn('redis-server', [file, ...(options.sentinel === true ? ['--sentinel'] : [])], {
      stdio: 'ignore',
    });
    holdForTest(child);
    await waitUntil(() => ask('PING') === 'PONG', { what: `the server on port ${port} answering` });
  };
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const running = child;
    child = undefined;
    await endProgram(running, signal);
  };
  await start();
  return {
    port,
    ask,
    stop,
    start,
    signal: (signal) => void child?.kill(signal),
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
