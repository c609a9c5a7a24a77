import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { proportionalMemory } from './accounting.ts';

/** Above every number that the kernel gives. */
const NOBODY = 2 ** 22 + 1;

describe('the memory of processes', () => {
  it('is that of those that are there', () => {
    const own = proportionalMemory([process.pid]);
    assert.ok(own > 10 * 1024 * 1024 && own <= process.memoryUsage.rss() * 1.1, String(own));
    assert.equal(proportionalMemory([NOBODY]), 0);
    assert.equal(proportionalMemory([]), 0);
  });
});
