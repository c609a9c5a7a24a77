import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { createLineBuffer } from './line-buffer.ts';

describe('log lines on their way out', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] }));
  afterEach(() => mock.timers.reset());

  it('go out in one write for a turn of the event loop, and then for each 50 ms, in order', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    lines.write('a\n');
    lines.write('b\n');
    assert.deepEqual(writes, []);
    mock.timers.tick(0);
    assert.deepEqual(writes, ['a\nb\n']);
    lines.write('c\n');
    mock.timers.tick(49);
    lines.write('d\n');
    assert.deepEqual(writes.length, 1);
    mock.timers.tick(1);
    assert.deepEqual(writes, ['a\nb\n', 'c\nd\n']);
    lines.write('e\n');
    mock.timers.tick(50);
    assert.deepEqual(writes.length, 3);
  });

  it('go out with their turn again when 50 ms were silent', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    for (const line of ['a\n', 'b\n', 'c\n']) {
      lines.write(line);
      mock.timers.tick(0);
      assert.equal(writes.at(-1), line);
      mock.timers.tick(50);
    }
  });

  it('go out at once when they are flushed, and not again', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    lines.write('a\n');
    lines.flush();
    assert.deepEqual(writes, ['a\n']);
    lines.flush();
    mock.timers.tick(0);
    lines.write('b\n');
    lines.flush();
    mock.timers.tick(50);
    assert.deepEqual(writes, ['a\n', 'b\n']);
  });

  it('keep no process alive', () => {
    const unref = mock.fn();
    const setTimeout = mock.method(globalThis, 'setTimeout', () => ({ unref }));
    createLineBuffer(() => undefined).write('a\n');
    mock.timers.tick(0);
    assert.equal(unref.mock.callCount(), 1);
    setTimeout.mock.restore();
  });

  it('are not hoarded by what logs without end', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    for (let n = 0; n < 100_000; n += 1) lines.write('0123456789\n');
    assert.ok(writes.length > 10);
    assert.ok(writes.every((text) => text.length < 100_000));
  });
});
