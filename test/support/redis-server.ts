import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectRedis } from '@tdc/platform';
import { endProgram } from './end-program.ts';
import { holdForTest } from './leash.ts';
import { waitUntil } from './wait-until.ts';

/** A Redis server of a test's own: on a Unix socket in a new folder, gone with the test. */
export interface RedisServer {
  /** What `TDC_REDIS_URL` takes. The same after a restart. */
  readonly url: string;
  /** Ends the server, by default as a crash does. What it held is lost, unless `args` keep it. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same socket, with what is left of what it held. */
  start(): Promise<void>;
  /** Sends a signal and does not wait: SIGSTOP makes a server that takes connections and never answers. */
  signal(signal: NodeJS.Signals): void;
  /** Ends the server and removes its folder. */
  remove(): Promise<void>;
}

/** Command line of a server that keeps every write it answered through a crash. */
export const KEEP_ALL = ['--appendonly', 'yes', '--appendfsync', 'always'];

/** Starts a server that keeps nothing on disk; `args` go behind our own on its command line. */
export async function startRedisServer(args: readonly string[] = []): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-redis-'));
  const socket = join(folder, 'redis.sock');
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const own = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'no'];
    child = spawn('redis-server', [...own, ...args], { stdio: 'ignore' });
    holdForTest(child);
    const probe = connectRedis(socket, { role: 'command' });
    try {
      await waitUntil(async () => (await probe.ping()) === 'PONG', { what: 'redis-server answering' });
    } finally {
      probe.disconnect();
    }
  };
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const running = child;
    child = undefined;
    await endProgram(running, signal);
  };
  await start();
  return {
    url: socket,
    stop,
    start,
    signal: (signal) => void child?.kill(signal),
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
