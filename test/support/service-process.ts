import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { holdForTest } from './leash.ts';
import { waitUntil } from './wait-until.ts';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A service as its own process, started from its main.ts. */
export interface ServiceProcess {
  readonly pid: number;
  /** The lines of standard output so far. */
  lines(): readonly string[];
  /** What standard error holds so far. */
  errors(): string;
  /** The addresses that the process announces once it serves; fails when it ends instead. */
  ready(): Promise<Readonly<Record<string, string>>>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the process has ended, of its own accord or not. */
  readonly exited: Promise<Exit>;
}

/** Collects what a stream says, as text. */
function collect(stream: Readable | null): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** Behind the end of the process and of its output: what it said last has been heard then. */
function exitOf(child: ChildProcess): Promise<Exit> {
  return once(child, 'close').then(([code, signal]) => ({ code, signal }) as Exit);
}

/** Starts `services/<name>/src/main.ts` with this environment alone; ports are any free ones unless it says otherwise. */
export function startService(name: string, env: Readonly<Record<string, string>>): ServiceProcess {
  const child = spawn(process.execPath, [`services/${name}/src/main.ts`], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      TDC_HTTP_HOST: '127.0.0.1',
      TDC_HTTP_PORT: '0',
      TDC_READY_FD: '3',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  holdForTest(child);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const announced = collect(child.stdio[3] as Readable);
  const exited = exitOf(child);
  let ended: Exit | undefined;
  void exited.then((exit) => {
    ended = exit;
  });
  return {
    pid: child.pid ?? 0,
    lines: () => stdout().split('\n').slice(0, -1),
    errors: stderr,
    async ready() {
      const line = await waitUntil(() => ended !== undefined || announced().includes('\n'), {
        withinSeconds: 30,
        what: `${name} serving`,
      }).then(() => announced());
      if (!line.includes('\n'))
        throw new Error(`${name} ended: ${JSON.stringify(ended)}\n${stdout()}${stderr()}`);
      return JSON.parse(line) as Record<string, string>;
    },
    signal: (signal) => void child.kill(signal),
    async stop(signal = 'SIGTERM') {
      if (ended === undefined) child.kill(signal);
      return exited;
    },
    exited,
  };
}
