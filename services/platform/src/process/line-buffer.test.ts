import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLineBuffer } from './line-buffer.ts';

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('log lines on their way out', () => {
  it('go out in one write for each turn of the event loop, in order', async () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    lines.write('a\n');
    await Promise.resolve();
    lines.write('b\n');
    assert.deepEqual(writes, []);
    await turn();
    lines.write('c\n');
    await turn();
    assert.deepEqual(writes, ['a\nb\n', 'c\n']);
  });

  it('go out at once when they are flushed, and not again', async () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    lines.write('a\n');
    lines.flush();
    assert.deepEqual(writes, ['a\n']);
    lines.flush();
    await turn();
    assert.deepEqual(writes, ['a\n']);
  });

  it('are not hoarded by a turn that logs without end', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    for (let n = 0; n < 100_000; n += 1) lines.write('0123456789\n');
    assert.ok(writes.length > 10);
    assert.ok(writes.every((text) => text.length < 100_000));
  });
});
