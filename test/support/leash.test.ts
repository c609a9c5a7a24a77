import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { waitUntil } from './wait-until.ts';

const LEASH = resolve(import.meta.dirname, 'leash.ts');

/** Starts two programs under a leash and says their process ids; the first is let go by its own end. */
const STARTER = `
import { spawn } from 'node:child_process';
import { createLeash } from ${JSON.stringify(LEASH)};
const leash = createLeash(Number(process.argv[1]));
const run = (script) => spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
const short = run('exit 0');
leash.hold(short);
short.on('exit', () => {
  const deaf = run("trap '' TERM; while :; do sleep 0.05; done");
  const plain = run('exec sleep 600');
  for (const child of [deaf, plain]) leash.hold(child);
  console.log(JSON.stringify([deaf.pid, plain.pid]));
});
setInterval(() => undefined, 1000);
`;

/** An ended program that nobody has asked for yet (state Z) is dead. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

async function startHolder(graceSeconds: number) {
  const holder = spawn(process.execPath, ['--input-type=module', '-e', STARTER, String(graceSeconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: holder.stdout }), 'line')) as [string];
  return { holder, pids: JSON.parse(line) as number[] };
}

describe('programs under a leash', () => {
  for (const [what, graceSeconds] of [
    ['are killed at once', 0],
    ['are asked first, and killed when they do not listen', 1],
  ] as const) {
    it(`${what} when their starter is killed`, async () => {
      const { holder, pids } = await startHolder(graceSeconds);
      assert.equal(pids.every(isAlive), true);
      holder.kill('SIGKILL');
      await waitUntil(() => !pids.some(isAlive), { what: 'both programs to end' });
    });
  }
});
