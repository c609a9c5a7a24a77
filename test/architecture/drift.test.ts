import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { filesBelow, isTest, ROOT, textOf } from './source-tree.ts';

const sources = filesBelow('services', '.ts').filter((file) => !isTest(file));

/** Every distinct match of `pattern`'s first group in the texts, sorted. */
function namesIn(texts: readonly string[], pattern: RegExp): string[] {
  const names = new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1] ?? '')));
  return [...names].sort();
}

describe('documents keep up with the code', () => {
  it('docs/configuration.md names the environment variables that the code reads, and no others', () => {
    const read = namesIn(sources.map(textOf), /['"`](TDC_[A-Z0-9_]+)['"`]/g);
    const documented = namesIn([textOf('docs/configuration.md')], /`(TDC_[A-Z0-9_]+)`/g);
    const local = namesIn(filesBelow('deploy/local', '.ts').map(textOf), /(TDC_[A-Z0-9_]+)/g);
    assert.deepEqual(
      read.filter((name) => !documented.includes(name)),
      [],
      'read, not documented',
    );
    assert.deepEqual(
      documented.filter((name) => !read.includes(name) && !local.includes(name)),
      [],
      'documented, not read',
    );
  });

  it('docs/metrics.md names the metrics that the code exports, and no others', () => {
    const exported = namesIn(sources.map(textOf), /['"`](tdc_[a-z0-9_]+)['"`]/g);
    const documented = namesIn([textOf('docs/metrics.md')], /`(tdc_[a-z0-9_]+)[`{]/g);
    assert.deepEqual(exported, documented);
  });

  it('the generated gRPC code is what the .proto files give', () => {
    const work = mkdtempSync(join(tmpdir(), 'tdc-gen-'));
    try {
      const buf = join(ROOT, 'node_modules/.bin/buf');
      execFileSync(buf, ['generate', 'proto', '--template', 'proto/buf.gen.yaml', '--output', work], {
        cwd: ROOT,
        env: { ...process.env, PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}` },
      });
      for (const name of ['policy', 'monitor']) {
        const path = `gen/tdc/${name}/v1/${name}.ts`;
        assert.equal(
          readFileSync(join(work, path), 'utf8'),
          readFileSync(join(ROOT, 'proto', path), 'utf8'),
          path,
        );
      }
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
});
