import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** A program of the system on this machine. */
export interface Child {
  readonly name: string;
  /** What it says when it serves: addresses by name. */
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
}

const STOP_MS = 15_000;

/** Starts a program whose readiness is one JSON line on descriptor 3. */
export function startChild(options: ChildOptions): Child {
  const process = spawn(options.program, [...options.args], {
    cwd: options.cwd,
    env: { ...options.env, TDC_READY_FD: '3' },
    stdio: ['ignore', options.stdout, 'inherit', 'pipe'],
    // A terminal's Ctrl-C is for the starter, which stops the others in order.
    detached: true,
  });
  const exited = exitOf(process);
  const line = firstLine(process.stdio[3] as Readable);
  return {
    name: options.name,
    async ready() {
      const text = await Promise.race([line, exited.then(() => undefined)]);
      if (text === undefined) throw new Error(`${options.name} ended before it was ready`);
      return JSON.parse(text) as Record<string, string>;
    },
    async stop() {
      if (process.exitCode !== null || process.signalCode !== null) return;
      process.kill('SIGTERM');
      const timer = setTimeout(() => process.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(timer);
    },
    exited,
  };
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
