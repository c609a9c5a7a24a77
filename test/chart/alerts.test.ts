import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RULE_FILES } from '@tdc/observability';
import { textOf } from '../architecture/source-tree.ts';

describe('the rule files', () => {
  for (const [path, text] of Object.entries(RULE_FILES)) {
    it(`${path} is what the sources give (npm run gen:rules)`, () => assert.equal(textOf(path), text));
  }
});
