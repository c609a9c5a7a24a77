import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Ends a program, by default as a crash does, and waits until it has ended; one that has ended already is left alone. */
export async function endProgram(
  program: ChildProcess | undefined,
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<void> {
  if (program === undefined || program.exitCode !== null || program.signalCode !== null) return;
  program.kill(signal);
  await once(program, 'exit');
}
