import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { type LogLevel, type MailLogEvent, toMid } from '@tdc/core';
import { createLogger, type LogFormat, type Logger } from './logger.ts';

/** Fri Feb 16 21:19:22 2024 UTC. */
const AT = Date.UTC(2024, 1, 16, 21, 19, 22);

function logged(format: LogFormat, level: LogLevel, use: (log: Logger) => void): string[] {
  const lines: string[] = [];
  use(
    createLogger({
      format,
      level,
      now: () => AT,
      offsetMinutes: () => -360,
      lines: { write: (form, at, event) => void lines.push(form(at, event)), flush: () => undefined },
    }),
  );
  return lines;
}

const finished: MailLogEvent = { kind: 'finished', mid: toMid(7) };

describe('the log', () => {
  it('writes the text form, dated where the process runs', () => {
    assert.deepEqual(
      logged('text', 'info', (log) => log.log(finished)),
      ['Fri Feb 16 15:19:22 2024 Info: Message finished MID 7 done\n'],
    );
  });

  it('follows a zone whose offset changes', () => {
    let at = AT;
    const lines: string[] = [];
    const log = createLogger({
      format: 'text',
      level: 'info',
      now: () => at,
      offsetMinutes: (when) => (when < AT + 1000 ? 60 : 120),
      lines: {
        write: (form, when, event) => void lines.push(form(when, event).slice(11, 19)),
        flush: () => undefined,
      },
    });
    for (at of [AT, AT + 999, AT + 1000]) log.log(finished);
    assert.deepEqual(lines, ['22:19:22', '22:19:22', '23:19:23']);
  });

  it('writes the JSON form, dated in UTC', () => {
    const [line = ''] = logged('json', 'info', (log) => log.log(finished));
    assert.ok(line.endsWith('}\n'));
    assert.deepEqual(JSON.parse(line), {
      time: '2024-02-16T21:19:22.000Z',
      level: 'info',
      text: 'Message finished MID 7 done',
      event: 'finished',
      mid: 7,
    });
  });

  it('names a notice by its own name and carries its fields', () => {
    const [line = ''] = logged('json', 'info', (log) =>
      log.notice('warning', 'redis-lost', 'Redis is away', { attempts: 3 }),
    );
    const { event, level, attempts } = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual({ event, level, attempts }, { event: 'redis-lost', level: 'warning', attempts: 3 });
  });

  const levels: readonly LogLevel[] = ['debug', 'info', 'warning', 'critical'];
  for (const [rank, level] of levels.entries()) {
    it(`at ${level} leaves out what is below it`, () => {
      const lines = logged('text', level, (log) => {
        for (const each of levels) log.notice(each, 'n', each);
      });
      assert.deepEqual(
        lines.map((line) => line.trim().split(' ').at(-1)),
        levels.slice(rank),
      );
    });
  }

  it('is written out at once where there is something to worry about, and not before', () => {
    const flushed: string[] = [];
    let held: string[] = [];
    const log = createLogger({
      format: 'text',
      level: 'info',
      now: () => AT,
      offsetMinutes: () => 0,
      lines: {
        write: (form, at, event) => void held.push(form(at, event)),
        flush() {
          flushed.push(...held.map((line) => line.trim().split(' ').at(-1) ?? ''));
          held = [];
        },
      },
    });
    log.notice('info', 'n', 'one');
    assert.deepEqual(flushed, []);
    log.notice('warning', 'n', 'two');
    assert.deepEqual(flushed, ['one', 'two']);
    log.notice('info', 'n', 'three');
    log.flush();
    assert.deepEqual(flushed, ['one', 'two', 'three']);
  });

  it('writes one line, whatever a text holds', () => {
    const [line = ''] = logged('text', 'info', (log) => log.notice('info', 'n', 'a\r\nFri Feb 16 forged'));
    assert.equal(line.indexOf('\n'), line.length - 1);
  });
});

/** Starts a child that runs `script`, which has `writeToStdout`. */
function startChild(script: string) {
  const logger = new URL('./logger.ts', import.meta.url).href;
  const source = `import { Socket } from 'node:net';
    import { writeToStdout } from ${JSON.stringify(logger)};
    ${script}`;
  const options = { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] as ['ignore', 'pipe', 'inherit', 'ipc'] };
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], options);
  const { stdout } = child;
  assert.ok(stdout !== null);
  return { child, stdout, exitCode: new Promise((resolve) => child.once('exit', resolve)) };
}

describe('standard output', () => {
  it('gets every line, whole and in order, through a slow pipe that does not block', async () => {
    const { stdout, exitCode } = startChild(
      `new Socket({ fd: 1, readable: false });
       for (let n = 0; n < 4000; n += 1) writeToStdout(n + ' ' + 'x'.repeat(500) + '\\n');
       process.exit(0);`,
    );
    const chunks: Buffer[] = [];
    stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      stdout.pause();
      setTimeout(() => stdout.resume(), 10);
    });
    await new Promise((resolve) => stdout.once('end', resolve));
    assert.equal(await exitCode, 0);
    const lines = Buffer.concat(chunks).toString().split('\n').slice(0, -1);
    assert.equal(lines.length, 4000);
    assert.ok(lines.every((line, n) => line === `${n} ${'x'.repeat(500)}`));
  });

  it('gets text of any length and any script, and nothing of the text before it', async () => {
    const { stdout, exitCode } = startChild(
      `for (const length of [100_000, 1, 87_381, 87_382, 3])
         for (const letter of ['a', 'ö', '€', '\u{1f600}']) writeToStdout(letter.repeat(length) + '\\n');
       process.exit(0);`,
    );
    const chunks: Buffer[] = [];
    for await (const chunk of stdout) chunks.push(chunk as Buffer);
    assert.equal(await exitCode, 0);
    const lines = Buffer.concat(chunks).toString().split('\n').slice(0, -1);
    const expected = [100_000, 1, 87_381, 87_382, 3].flatMap((length) =>
      ['a', 'ö', '€', '\u{1f600}'].map((letter) => letter.repeat(length)),
    );
    assert.equal(lines.length, expected.length);
    assert.ok(lines.every((line, n) => line === expected[n]));
  });

  it('that nobody reads any more ends no process', async () => {
    const { child, stdout, exitCode } = startChild(
      `process.on('message', () => { writeToStdout('late\\n'); process.exit(3); });
       process.send('up');`,
    );
    child.once('message', () => {
      stdout.once('close', () => child.send('go'));
      stdout.destroy();
    });
    assert.equal(await exitCode, 3);
  });
});
