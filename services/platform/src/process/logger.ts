import { writeSync } from 'node:fs';
import { formatMailLogJson, formatMailLogLine, type LogLevel, levelOf, type MailLogEvent } from '@tdc/core';
import type { LineBuffer, LineForm } from './line-buffer.ts';

export type LogFormat = 'text' | 'json';

export interface Logger {
  /**
   * Writes the event's line, within this turn of the event loop or 50 ms; a warning or worse, and all before it, before
   * it returns.
   */
  log(event: MailLogEvent): void;
  /**
   * Writes what was logged, before it returns. For whoever is about to do what other processes will log about: so lines
   * of processes that share a file stand in their true order.
   */
  flush(): void;
  /** Shorthand for an operational event; `name` is stable and greppable. */
  notice(
    level: LogLevel,
    name: string,
    text: string,
    fields?: Readonly<Record<string, string | number | boolean>>,
  ): void;
}

export interface LoggerOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
  readonly now: () => number;
  /** Minutes east of UTC of the text form's dates. */
  readonly offsetMinutes: (at: number) => number;
  readonly lines: LineBuffer;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, critical: 3 };

export function createLogger(options: LoggerOptions): Logger {
  const { format, level, now, offsetMinutes, lines } = options;
  const form: LineForm =
    format === 'json'
      ? (at, event) => `${formatMailLogJson(at, event)}\n`
      : (at, event) => `${formatMailLogLine(at, event, offsetMinutes(at))}\n`;
  const log = (event: MailLogEvent): void => {
    const rank = RANK[levelOf(event)];
    if (rank < RANK[level]) return;
    lines.write(form, now(), event);
    if (rank >= RANK.warning) lines.flush();
  };
  return {
    log,
    flush: () => lines.flush(),
    notice: (noticeLevel, name, text, fields) =>
      log({ kind: 'notice', level: noticeLevel, name, text, ...(fields === undefined ? {} : { fields }) }),
  };
}

/** Minutes east of UTC where this process runs. */
export const localOffsetMinutes = (at: number): number => -new Date(at).getTimezoneOffset();

const STDOUT = 1;
const NAP_MS = 2;
/** A reader that takes nothing for so long has the line withheld, so that mail goes on. */
const MAX_NAPS = 5000;

/** Sleeps without turning the event loop: lines are written before any other work goes on. */
const nap = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP_MS);

/** Room for the text of one write, in octets: a multiple of what is held at most, for a character has up to three. */
const room = Buffer.allocUnsafe(256 * 1024);

/** The text in UTF-8, in place where there is room: neither is it measured first, nor is there memory to be had. */
const toOctets = (text: string): Buffer =>
  3 * text.length <= room.length ? room.subarray(0, room.write(text)) : Buffer.from(text);

/** Writes whole lines to standard output before it returns; a reader that is gone is not an error of ours. */
export function writeToStdout(text: string): void {
  let rest = toOctets(text);
  for (let naps = 0; rest.length > 0 && naps < MAX_NAPS; ) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
      naps = 0;
    } catch (error) {
      // EAGAIN: a full pipe that a parent made non-blocking. Anything else: nobody reads.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      nap();
      naps += 1;
    }
  }
}
