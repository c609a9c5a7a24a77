import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findRedisServer } from './find-redis.ts';
import { LOCAL_HOST } from './ports.ts';

/** A Redis of this machine's own; stops with the system. */
export interface LocalRedis {
  readonly url: string;
  stop(): Promise<void>;
  readonly exited: Promise<unknown>;
}

const START_MS = 10_000;

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOCAL_HOST);
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('error', () => settle(false));
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (chunk) => settle(chunk.toString().startsWith('+PONG')));
  });
}

/** Starts it with what the product asks of any Redis: nothing evicted, every second on disk. Undefined advice: started. */
export async function startRedis(
  stateFolder: string,
  port: number,
): Promise<LocalRedis | { readonly advice: string }> {
  const found = findRedisServer(join(stateFolder, 'bin'));
  if (found.kind === 'missing') return { advice: found.advice };
  const folder = join(stateFolder, 'redis');
  mkdirSync(folder, { recursive: true });
  const settings = ['--bind', LOCAL_HOST, '--port', String(port), '--dir', folder, '--save', ''];
  const durability = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'];
  const server = spawn(found.program, [...settings, ...durability, '--logfile', join(folder, 'redis.log')], {
    stdio: 'ignore',
    detached: true,
  });
  const exited = once(server, 'exit');
  const deadline = Date.now() + START_MS;
  while (!(await answers(port))) {
    if (server.exitCode !== null || Date.now() > deadline) {
      server.kill();
      return { advice: `Redis did not start; see ${join(folder, 'redis.log')}` };
    }
    await pause(50);
  }
  return {
    url: `redis://${LOCAL_HOST}:${port}`,
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.kill('SIGTERM');
      await exited;
    },
    exited,
  };
}
