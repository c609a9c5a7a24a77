import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';

/** How often a process looks through its whole heap while 2 GB of octets pass, never more than 4 MB at once. */
function fullCollections(setUp: string): number {
  const source = `import { PerformanceObserver, constants } from 'node:perf_hooks';
    ${setUp}
    let full = 0;
    const observer = new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full += 1;
    });
    observer.observe({ entryTypes: ['gc'] });
    const alive = Array.from({ length: 400_000 }, (_, n) => ({ n }));
    const held = [];
    for (let n = 0; n < 32_768; n += 1) {
      held[n % 64] = Buffer.from(new ArrayBuffer(65_536));
      if (n % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (let n = 0; n < 10; n += 1) await new Promise((resolve) => setImmediate(resolve));
    console.log(alive.length > 0 ? full : 0);`;
  const options = ['--max-old-space-size=256', '--input-type=module', '-e', source];
  const { stdout, status } = spawnSync(process.execPath, options, { encoding: 'utf8' });
  assert.equal(status, 0);
  return Number(stdout);
}

describe('a process that lets octets pass', () => {
  it('looks through its heap less often', () => {
    const module = new URL('./collect-less.ts', import.meta.url).href;
    const tuned = fullCollections(`import { collectLess } from ${JSON.stringify(module)}; collectLess();`);
    const usual = fullCollections('');
    assert.ok(tuned < 0.75 * usual, `${tuned} times instead of ${usual}`);
  });
});
