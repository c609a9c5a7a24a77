import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLoadMessages } from './load-messages.ts';
import { createMessageScanner, readMark } from './message-scanner.ts';

describe('the messages of a load', () => {
  for (const size of [4096, 100_000, 1_000_000]) {
    it(`of ${size} octets have that size, end once and carry their mark`, () => {
      const sent = process.hrtime.bigint();
      const wire = Buffer.concat(createLoadMessages('run-1', size).compose(0, sent));
      const scanner = createMessageScanner();
      assert.equal(scanner.take(wire), wire.length);
      assert.ok(Math.abs(wire.length - 3 - size) <= 2, `${wire.length}`);
      assert.deepEqual(readMark(scanner.head()), { run: 'run-1', sequence: 0, sentNanoseconds: sent });
    });
  }
});
