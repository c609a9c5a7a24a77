import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  checkRedisServer,
  connectRedis,
  createRedisKeys,
  redactRedisUrl,
  whenRedisReady,
} from '@tdc/platform';
import type { Leash } from '../../test/support/leash.ts';
import { stopProcess } from './child.ts';
import { findRedisServer } from './find-redis.ts';
import { freePort, LOCAL_HOST } from './ports.ts';

/** The Redis of the system on this machine: its own, which stops with it, or one that somebody named. */
export interface LocalRedis {
  readonly url: string;
  stop(): Promise<void>;
  /** Resolves when an own one has ended. */
  readonly exited: Promise<unknown>;
}

export type ProvidedRedis =
  | { readonly kind: 'ready'; readonly redis: LocalRedis }
  | { readonly kind: 'unfit'; readonly problems: readonly string[] };

const ANSWER_MS = 3_000;
const START_MS = 10_000;
const STEP_MS = 50;

const unfit = (...problems: readonly string[]): ProvidedRedis => ({ kind: 'unfit', problems });

/** Looks whether a Redis of somebody else's answers and is fit to hold mail. */
export async function useRedis(url: string): Promise<ProvidedRedis> {
  let lastError = 'no answer';
  const client = connectRedis(url, {
    role: 'command',
    onError: (message) => {
      lastError = message;
    },
  });
  try {
    if (!(await whenRedisReady(client, AbortSignal.timeout(ANSWER_MS))))
      return unfit(`Redis at ${redactRedisUrl(url)} (TDC_REDIS_URL) cannot be used: ${lastError}`);
    const problems = await checkRedisServer(client, createRedisKeys());
    if (problems.length > 0) return unfit(...problems);
  } catch (error) {
    return unfit(`Redis at ${redactRedisUrl(url)} (TDC_REDIS_URL) cannot be used: ${String(error)}`);
  } finally {
    client.disconnect();
  }
  const never = new Promise<never>(() => undefined);
  return { kind: 'ready', redis: { url, stop: () => Promise.resolve(), exited: never } };
}

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

/** Waits until it serves; false when it ended, or took too long. */
async function isServing(server: ChildProcess, port: number): Promise<boolean> {
  const deadline = Date.now() + START_MS;
  while (server.exitCode === null && server.signalCode === null && Date.now() < deadline) {
    if (await answers(port)) return true;
    await pause(STEP_MS);
  }
  return false;
}

/** What the chart gives its Redis: nothing evicted, every second on disk, a file rewritten seldom, compact records. */
export const REDIS_SETTINGS: readonly string[] = [
  ['--save', ''],
  ['--appendonly', 'yes'],
  ['--appendfsync', 'everysec'],
  ['--auto-aof-rewrite-min-size', '512mb'],
  ['--rdbcompression', 'no'],
  // The names that every version knows; Redis 7 says listpack.
  ['--hash-max-ziplist-value', '2048'],
  ['--zset-max-ziplist-entries', '0'],
  ['--maxmemory-policy', 'noeviction'],
].flat();

/** Starts a Redis with what the product asks of any: nothing evicted, every second on disk. Port 0 is any free one. */
export async function startRedis(options: {
  readonly stateFolder: string;
  readonly port: number;
  readonly leash: Leash;
}): Promise<ProvidedRedis> {
  const found = findRedisServer(join(options.stateFolder, 'bin'));
  if (found.kind === 'missing') return unfit(found.advice);
  const folder = join(options.stateFolder, 'redis');
  mkdirSync(folder, { recursive: true });
  const port = options.port === 0 ? await freePort() : options.port;
  const log = join(folder, 'redis.log');
  const settings = ['--bind', LOCAL_HOST, '--port', String(port), '--dir', folder, '--logfile', log];
  const server = spawn(found.program, [...settings, ...REDIS_SETTINGS], { stdio: 'ignore', detached: true });
  options.leash.hold(server);
  const exited = once(server, 'exit');
  const redis: LocalRedis = {
    url: `redis://${LOCAL_HOST}:${port}`,
    stop: () => stopProcess(server, exited),
    exited,
  };
  if (await isServing(server, port)) return { kind: 'ready', redis };
  await redis.stop();
  return unfit(`Redis did not start; see ${log}`);
}
