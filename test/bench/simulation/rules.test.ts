import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import { CONSTANTS, SOURCES } from './rules.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

describe('the constants of a simulation are those of the product', () => {
  for (const [name, file] of Object.entries(SOURCES)) {
    it(`${name} of ${file}`, () => {
      const found = new RegExp(`^const ${name} = ([\\d_]+);`, 'm').exec(
        readFileSync(resolve(ROOT, file), 'utf8'),
      );
      assert.equal(Number(found?.[1]?.replaceAll('_', '')), CONSTANTS[name as keyof typeof CONSTANTS]);
    });
  }
});
