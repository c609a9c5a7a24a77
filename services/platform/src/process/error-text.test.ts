import assert from 'node:assert/strict';
import { it } from 'node:test';
import { errorText } from './error-text.ts';

it('an error says what happened, and so does whatever else was thrown', () => {
  assert.equal(errorText(new TypeError('no such thing')), 'no such thing');
  assert.deepEqual(['gone', 451, undefined, null].map(errorText), ['gone', '451', 'undefined', 'null']);
});
