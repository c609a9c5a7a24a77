import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { type MailLogEvent, toMid } from '@tdc/core';
import { createLineBuffer, type LineBuffer } from './line-buffer.ts';

const EVENT: MailLogEvent = { kind: 'finished', mid: toMid(7) };

/** Logs an event whose line is this. */
const say = (lines: LineBuffer, line: string): void => lines.write(() => line, 0, EVENT);

describe('log lines on their way out', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] }));
  afterEach(() => mock.timers.reset());

  it('go out in one write for a turn of the event loop, and then for each 50 ms, in order', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    say(lines, 'a\n');
    say(lines, 'b\n');
    assert.deepEqual(writes, []);
    mock.timers.tick(0);
    assert.deepEqual(writes, ['a\nb\n']);
    say(lines, 'c\n');
    mock.timers.tick(49);
    say(lines, 'd\n');
    assert.deepEqual(writes.length, 1);
    mock.timers.tick(1);
    assert.deepEqual(writes, ['a\nb\n', 'c\nd\n']);
    say(lines, 'e\n');
    mock.timers.tick(50);
    assert.deepEqual(writes.length, 3);
  });

  it('go out with their turn again when 50 ms were silent', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    for (const line of ['a\n', 'b\n', 'c\n']) {
      say(lines, line);
      mock.timers.tick(0);
      assert.equal(writes.at(-1), line);
      mock.timers.tick(50);
    }
  });

  it('go out at once when they are flushed, and not again', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    say(lines, 'a\n');
    lines.flush();
    assert.deepEqual(writes, ['a\n']);
    lines.flush();
    mock.timers.tick(0);
    say(lines, 'b\n');
    lines.flush();
    mock.timers.tick(50);
    assert.deepEqual(writes, ['a\n', 'b\n']);
  });

  it('are written down when they go out, as of the time at which they were logged', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    let formed = 0;
    const form = (at: number, event: MailLogEvent): string => {
      formed += 1;
      return `${at} ${event.kind}\n`;
    };
    lines.write(form, 17, EVENT);
    lines.write(form, 18, EVENT);
    assert.equal(formed, 0);
    mock.timers.tick(0);
    assert.deepEqual(writes, ['17 finished\n18 finished\n']);
  });

  it('that cannot be written down are told of, and take no others along', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    const form = (at: number, event: MailLogEvent): string => {
      if (event.kind === 'notice') return `${at} ${event.level} ${event.name} ${event.text}\n`;
      throw new RangeError('no such date');
    };
    say(lines, 'a\n');
    lines.write(form, 17, EVENT);
    say(lines, 'b\n');
    lines.flush();
    const told = '17 critical log-line-lost a line of the log was lost (finished): no such date\n';
    assert.deepEqual(writes, [`a\n${told}b\n`]);
  });

  it('keep no process alive', () => {
    const unref = mock.fn();
    const setTimeout = mock.method(globalThis, 'setTimeout', () => ({ unref }));
    say(
      createLineBuffer(() => undefined),
      'a\n',
    );
    mock.timers.tick(0);
    assert.equal(unref.mock.callCount(), 1);
    setTimeout.mock.restore();
  });

  it('are not hoarded by what logs without end', () => {
    const writes: string[] = [];
    const lines = createLineBuffer((text) => void writes.push(text));
    for (let n = 0; n < 100_000; n += 1) say(lines, '0123456789\n');
    assert.ok(writes.length > 10);
    assert.ok(writes.every((text) => text.length < 100_000));
  });
});
