import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createLeash, type Leash } from '../support/leash.ts';
import type { Accounting, Group } from './accounting.ts';

/** A program that the benchmark runs, accounted for in its group. */
export interface Program {
  readonly child: ChildProcess;
  /** Asks it to end, and kills it when it takes too long; resolves when it has ended. */
  stop(): Promise<void>;
  /** Ends well or rejects. */
  finished(): Promise<void>;
  /** The first line on its descriptor 3, as JSON; rejects when it ends before. */
  announced(): Promise<Readonly<Record<string, string>>>;
}

export interface ProgramOptions {
  readonly group: Group;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** File that standard output and error are appended to. */
  readonly logFile: string;
  readonly cwd?: string;
  /** What descriptor 3 is for. */
  readonly third?: 'ipc' | 'pipe';
}

export interface Programs {
  start(options: ProgramOptions): Program;
  /** Ends what still runs in these groups. */
  stop(groups: readonly Group[]): Promise<void>;
}

const STOP_MS = 20_000;
const READY_MS = 60_000;

function firstLine(stream: Readable): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
  });
}

async function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took longer than ${milliseconds / 1000} s`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function programOf(child: ChildProcess, { command, logFile }: ProgramOptions): Program {
  const name = command.slice(0, 2).join(' ');
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  exited.catch(() => undefined); // could not be started: told to whoever waits
  const line = child.stdio[3] === null ? undefined : firstLine(child.stdio[3] as Readable);
  return {
    child,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited.catch(() => undefined);
      clearTimeout(timer);
    },
    async finished() {
      const [code, signal] = await exited;
      if (code !== 0) throw new Error(`${name} ended with ${code ?? signal}; see ${logFile}`);
    },
    async announced() {
      const ended = exited.then(([code]) => {
        throw new Error(`${name} ended with ${code} before it served; see ${logFile}`);
      });
      const text = await within(READY_MS, `${name} to serve`, Promise.race([line ?? ended, ended]));
      return JSON.parse(text) as Record<string, string>;
    },
  };
}

/** Starts programs in groups; they are ended when this process is gone. */
export function createPrograms(accounting: Accounting): Programs {
  const leash: Leash = createLeash(0);
  const started: { readonly group: Group; readonly program: Program }[] = [];
  return {
    start(options) {
      const [file = '', ...args] = accounting.wrap(options.group, options.command);
      const log = openSync(options.logFile, 'a');
      const child = spawn(file, args, {
        cwd: options.cwd,
        env: { PATH: process.env['PATH'], ...options.env },
        stdio: ['ignore', log, log, options.third ?? 'ignore'],
        // What ends this program with Ctrl-C must not end those before their figures are read.
        detached: true,
      });
      closeSync(log);
      leash.hold(child);
      if (child.pid !== undefined) accounting.adopt(options.group, child.pid);
      const program = programOf(child, options);
      started.push({ group: options.group, program });
      return program;
    },
    async stop(groups) {
      const meant = started.filter(({ group }) => groups.includes(group));
      await Promise.all(meant.map(({ program }) => program.stop()));
    },
  };
}
