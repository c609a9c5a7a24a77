import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Ends programs when the process that started them is gone, in whatever way it went: no handler of its own runs behind
 * SIGKILL, and programs in process groups of their own outlive a terminal.
 */
export interface Leash {
  /** Ends this program too; until it has ended of its own accord. */
  hold(child: ChildProcess): void;
}

/**
 * Reads who is held and who is not any more; its input ends with the process that writes it. Arguments: seconds between
 * SIGTERM and SIGKILL. A shell, because it must be small: every test file may have one.
 */
const WATCHER = `
trap '' HUP INT TERM
held=' '
while read -r act pid; do
  case $act in
    hold) held="$held$pid " ;;
    free) held="\${held%% $pid *} \${held#* $pid }" ;;
  esac
done
alive() { for pid in $held; do kill -0 "$pid" 2>/dev/null && return 0; done; return 1; }
left=$1
if [ "$left" -gt 0 ]; then for pid in $held; do kill -TERM "$pid" 2>/dev/null; done; fi
while [ "$left" -gt 0 ] && alive; do sleep 1; left=$((left - 1)); done
for pid in $held; do kill -KILL "$pid" 2>/dev/null; done
exit 0
`;

/** Starts the watcher; it does not keep this process running. With 0 seconds the programs are killed at once. */
export function createLeash(graceSeconds: number): Leash {
  const watcher = spawn('/bin/sh', ['-c', WATCHER, 'leash', String(graceSeconds)], {
    // Out of this process's group, so that what ends the group does not end the watcher.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const input = watcher.stdin as Socket;
  watcher.on('error', () => undefined).unref();
  // Without a watcher the programs still end with an orderly stop.
  input.on('error', () => undefined).unref();
  return {
    hold(child) {
      if (child.pid === undefined) return;
      input.write(`hold ${child.pid}\n`);
      child.once('exit', () => input.write(`free ${child.pid}\n`));
    },
  };
}

let ofThisProcess: Leash | undefined;

/** Holds a program that a test started: it is killed when the test's process is gone. */
export function holdForTest(child: ChildProcess): void {
  ofThisProcess ??= createLeash(0);
  ofThisProcess.hold(child);
}
