import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Leash } from '../../test/support/leash.ts';

/** A program of the system on this machine. */
export interface Child {
  readonly name: string;
  /** What it says when it serves: addresses by name. Rejects when it ends first, or says nothing within a minute. */
  ready(): Promise<Readonly<Record<string, string>>>;
  /** Asks it to stop, and makes it when it does not. */
  stop(): Promise<void>;
  readonly exited: Promise<number | null>;
}

export interface ChildOptions {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** File descriptor that gets standard output. */
  readonly stdout: number;
  readonly cwd: string;
  /** Ends it when the starter is killed. */
  readonly leash: Leash;
}

const READY_SECONDS = 60;
const STOP_MS = 15_000;

/** Starts a program whose readiness is one JSON line on descriptor 3. */
export function startChild(options: ChildOptions): Child {
  const { name, program, args, leash } = options;
  const process = spawn(program, [...args], {
    cwd: options.cwd,
    env: { ...options.env, TDC_READY_FD: '3' },
    stdio: ['ignore', options.stdout, 'inherit', 'pipe'],
    // A terminal's Ctrl-C is for the starter, which stops the others in order.
    detached: true,
  });
  leash.hold(process);
  const exited = exitOf(process);
  const line = firstLine(process.stdio[3] as Readable);
  return {
    name,
    async ready() {
      const late = AbortSignal.timeout(READY_SECONDS * 1000);
      const text = await Promise.race([
        line,
        exited.then(() => Promise.reject(new Error(`${name} ended before it was ready`))),
        once(late, 'abort').then(() =>
          Promise.reject(new Error(`${name} was not ready within ${READY_SECONDS} seconds`)),
        ),
      ]);
      return JSON.parse(text) as Record<string, string>;
    },
    stop: () => stopProcess(process, exited),
    exited,
  };
}

/** Asks a program to stop, and kills it when it takes too long. */
export async function stopProcess(process: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  process.kill('SIGTERM');
  const timer = setTimeout(() => process.kill('SIGKILL'), STOP_MS);
  await exited;
  clearTimeout(timer);
}

async function exitOf(process: ChildProcess): Promise<number | null> {
  const [code] = await once(process, 'exit');
  return code as number | null;
}

function firstLine(stream: Readable): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
  });
}
