import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createSecureContext } from 'node:tls';
import { errorText } from './error-text.ts';

it('an error says what happened, and so does whatever else was thrown', () => {
  assert.equal(errorText(new TypeError('no such thing')), 'no such thing');
  assert.deepEqual(['gone', 451, undefined, null].map(errorText), ['gone', '451', 'undefined', 'null']);
});

it('an error of OpenSSL says what it found, on one line, and not where in its source', () => {
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  let thrown: unknown;
  try {
    createSecureContext({ cert: broken });
  } catch (error) {
    thrown = error;
  }
  assert.match(errorText(thrown), /^[a-z][a-z0-9 ]* \(.+ routines\)$/);
});
