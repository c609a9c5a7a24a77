import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program, Programs } from './programs.ts';
import type {
  LoadMessage,
  LoadReport,
  LoadRequest,
  SinkMessage,
  SinkReport,
  SinkRequest,
} from './protocol.ts';

const HERE = resolve(fileURLToPath(import.meta.url), '..');

/** The sink's process, asked in calls. */
export interface Sink {
  readonly port: number;
  /** From now on this run is counted. */
  expect(request: { run: string; count: number; roundTripMs: number }): Promise<void>;
  /** Resolves true when the run that is expected is complete, false when that takes too long. */
  complete(withinMs: number): Promise<boolean>;
  report(): Promise<SinkReport>;
  stop(): Promise<void>;
}

/** The load's process. */
export interface Load {
  send(request: LoadRequest): Promise<LoadReport>;
  stop(): Promise<void>;
}

/** Waits for the first message that `pick` answers something for; rejects when the program ends. */
function next<M, T>(program: Program, pick: (message: M) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const { child } = program;
    if (!child.connected) reject(new Error('a program of the benchmark is not there any more'));
    const onMessage = (message: unknown): void => {
      const picked = pick(message as M);
      if (picked === undefined) return;
      child.off('message', onMessage).off('exit', onExit);
      resolve(picked);
    };
    const onExit = (code: number | null): void => {
      child.off('message', onMessage);
      reject(new Error(`a program of the benchmark ended with ${code}`));
    };
    child.on('message', onMessage).on('exit', onExit);
  });
}

/** Sends, where there is somebody to send to; who waits for the answer learns that there is not. */
function tell(program: Program, request: SinkRequest | LoadRequest): void {
  if (program.child.connected) program.child.send(request);
}

/** Starts the sink with this certificate. */
export async function startSink(
  programs: Programs,
  { folder, cert, key }: { readonly folder: string; readonly cert: string; readonly key: string },
): Promise<Sink> {
  const program = programs.start({
    group: 'sink',
    command: [process.execPath, join(HERE, 'sink.ts'), cert, key],
    logFile: join(folder, 'sink.log'),
    third: 'ipc',
  });
  const ask = <T>(request: SinkRequest, pick: (message: SinkMessage) => T | undefined): Promise<T> => {
    const answer = next(program, pick);
    tell(program, request);
    return answer;
  };
  const port = await next<SinkMessage, number>(program, (message) =>
    message.kind === 'ready' ? message.port : undefined,
  );
  let whenComplete: Promise<boolean> = Promise.resolve(true);
  return {
    port,
    async expect(request) {
      whenComplete = next<SinkMessage, true>(program, (message) =>
        message.kind === 'complete' && message.run === request.run ? true : undefined,
      ).catch(() => false);
      await ask({ kind: 'expect', ...request }, (message) => message.kind === 'expecting' || undefined);
    },
    async complete(withinMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), withinMs);
      });
      const answer = await Promise.race([whenComplete, late]);
      clearTimeout(timer);
      return answer;
    },
    report: () =>
      ask({ kind: 'report' }, (message) => (message.kind === 'report' ? message.report : undefined)),
    stop: () => program.stop(),
  };
}

/** Starts the load. */
export async function startLoad(programs: Programs, folder: string): Promise<Load> {
  const program = programs.start({
    group: 'load',
    command: [process.execPath, join(HERE, 'load.ts')],
    logFile: join(folder, 'load.log'),
    third: 'ipc',
  });
  await next<LoadMessage, true>(program, (message) => message.kind === 'ready' || undefined);
  return {
    async send(request) {
      const answer = next<LoadMessage, LoadMessage>(program, (message) => message);
      tell(program, request);
      const message = await answer;
      if (message.kind === 'sent') return message.report;
      throw new Error(message.kind === 'failed' ? message.problem : 'the load started anew');
    },
    stop: () => program.stop(),
  };
}
