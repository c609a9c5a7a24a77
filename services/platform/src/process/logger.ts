import { writeSync } from 'node:fs';
import { formatMailLogLine, type LogLevel, levelOf, type MailLogEvent, mailLogJson } from '@tdc/core';

export type LogFormat = 'text' | 'json';

export interface Logger {
  /** Writes the event's line. Synchronous: lines of processes that share a file stand in their true order. */
  log(event: MailLogEvent): void;
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
  readonly write: (line: string) => void;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, critical: 3 };

export function createLogger(options: LoggerOptions): Logger {
  const { format, level, now, offsetMinutes, write } = options;
  const log = (event: MailLogEvent): void => {
    if (RANK[levelOf(event)] < RANK[level]) return;
    const at = now();
    write(
      format === 'json'
        ? `${JSON.stringify(mailLogJson(at, event))}\n`
        : `${formatMailLogLine(at, event, offsetMinutes(at))}\n`,
    );
  };
  return {
    log,
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

/** Sleeps without turning the event loop: a line is written before its event's work goes on. */
const nap = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP_MS);

/** Writes a whole line to standard output before it returns; a reader that is gone is not an error of ours. */
export function writeToStdout(line: string): void {
  let rest = Buffer.from(line);
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
