import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Run } from '../bench/measure.ts';
import { whyNoDebian } from '../support/debian.ts';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');

interface Outcome {
  readonly results: readonly {
    readonly load: string;
    readonly runs: Readonly<Record<string, readonly Run[]>>;
  }[];
  readonly anchors: { readonly wire: readonly number[]; readonly harness: readonly number[] };
  readonly problems: readonly string[];
}

describe('npm run bench', () => {
  it('measures both systems and the wire, and every message comes once over TLS', {
    skip: whyNoDebian() ?? false,
  }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'tdc-bench-e2e-'));
    try {
      const json = join(folder, 'figures.json');
      const only = '4 KB, many per connection|500/s: tdc|wire';
      const small = [
        '--rounds',
        '1',
        '--tries',
        '1',
        '--scale',
        '0.02',
        '--deliveries',
        '2',
        '--intakes',
        '2',
      ];
      const kept = ['--json', json, '--prof', join(folder, 'profiles')];
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['test/bench/bench.ts', ...small, ...kept, '--only', only],
        { cwd: ROOT, encoding: 'utf8' },
      );
      assert.equal(status, 0, `${stdout}${stderr}`);
      const { results, anchors, problems } = JSON.parse(readFileSync(json, 'utf8')) as Outcome;
      assert.deepEqual(problems, []);
      assert.deepEqual(
        results.map(({ load, runs }) => [load, Object.keys(runs)]),
        [
          ['4 KB, many per connection', ['tdc', 'Postfix']],
          ['4 KB at 500/s', ['tdc']],
        ],
      );
      for (const { runs } of results)
        for (const [run] of Object.values(runs)) {
          assert.deepEqual(run?.faults, { lost: 0, doubled: 0, clearText: 0, foreign: 0 });
          assert.ok(run.figures.copiesPerSecond > 0 && run.figures.cpuSecondsPerThousand > 0);
          assert.ok(run.figures.peakMiB > 0);
        }
      assert.ok(anchors.wire.every((rate) => rate > 0) && anchors.harness.every((rate) => rate > 0));
      assert.match(stdout, /^\| copies\/s .*\|$/m);
      assert.match(stdout, /^In every run: lost 0, doubled 0, clear text 0\.$/m);
      const profiled = readdirSync(join(folder, 'profiles', '4-kb-many-per-connection-tdc-1'));
      assert.deepEqual(profiled.sort(), [
        'delivery',
        'delivery-2',
        'intake',
        'intake-2',
        'monitor',
        'policy',
      ]);
      assert.match(stdout, /^### 4-kb-many-per-connection-tdc-1\/intake: busy \d+ ms$/m);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
