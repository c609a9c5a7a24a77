import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filesBelow, isTest, textOf } from './source-tree.ts';

const sources = filesBelow('services', '.ts').filter((file) => !isTest(file));

function linesWith(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    textOf(file)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line.replace(/^\s*(\*|\/\/|\/\*).*$/, ''))
          ? [`${file}:${index + 1}: ${line.trim()}`]
          : [],
      ),
  );
}

describe('effects stay where they belong', () => {
  it('core has no clock, no randomness, no process and no timers', () => {
    const core = sources.filter((file) => file.startsWith('services/core/'));
    assert.deepEqual(
      linesWith(core, /\b(Date\.now|new Date\(\)|Math\.random|process\.|setTimeout|setInterval|crypto\.)/),
      [],
    );
  });

  it('only config.ts of a service reads the environment, and main.ts hands it over', () => {
    const rest = sources.filter(
      (file) => !/\/(config|main)\.ts$/.test(file) && !file.startsWith('services/platform/'),
    );
    assert.deepEqual(linesWith(rest, /\bprocess\.env\b/), []);
  });

  it('process.exit is called by main.ts alone', () => {
    const rest = sources.filter((file) => !file.endsWith('/main.ts'));
    assert.deepEqual(linesWith(rest, /\bprocess\.exit\(/), []);
  });

  it('no test sleeps', () => {
    const tests = [...filesBelow('services', '.test.ts'), ...filesBelow('test', '.ts')].filter((file) =>
      isTest(file),
    );
    assert.deepEqual(linesWith(tests, /\bsetTimeout\(\s*(resolve|r|done)\b|timers\/promises/), []);
  });
});
