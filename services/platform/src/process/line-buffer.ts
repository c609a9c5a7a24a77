import type { MailLogEvent } from '@tdc/core';
import { errorText } from './error-text.ts';

/** Writes an event down as a line, with its end. */
export type LineForm = (at: number, event: MailLogEvent) => string;

/** Log lines on their way out. */
export interface LineBuffer {
  /**
   * Takes an event, whose line goes out with the event loop's turn; behind others 50 ms later at most, or at the next
   * flush. The event must not change any more.
   */
  write(form: LineForm, at: number, event: MailLogEvent): void;
  /** Writes what is held, before it returns. */
  flush(): void;
}

/** Events held at most: what logs more in the time writes in between. */
const MAX_HELD = 256;
const PAUSE_MS = 50;

interface Held {
  readonly form: LineForm;
  readonly at: number;
  readonly event: MailLogEvent;
}

/** The line of an event; of one that cannot be written down, which is a bug, that it was there. The others go out. */
function writtenDown({ form, at, event }: Held): string {
  try {
    return form(at, event);
  } catch (error) {
    const text = `a line of the log was lost (${event.kind}): ${errorText(error)}`;
    return form(at, { kind: 'notice', level: 'critical', name: 'log-line-lost', text });
  }
}

/**
 * Puts the lines of one turn of the event loop into one write, and the lines of the 50 ms behind it into the next: under
 * load a line costs a system call otherwise, and a copy has a dozen lines. They are written down together, too: between
 * the steps of a message the code for it has left the processor's caches, and takes several times as long. Who ends the
 * process flushes first; one that is killed takes the lines of its last 50 ms along.
 */
export function createLineBuffer(write: (text: string) => void): LineBuffer {
  let held: Held[] = [];
  /** A write is due. */
  let isWaiting = false;
  const flush = (): void => {
    if (held.length === 0) return;
    const lines = held;
    held = [];
    let text = '';
    for (const line of lines) text += writtenDown(line);
    write(text);
  };
  const go = (): void => {
    isWaiting = held.length > 0;
    if (!isWaiting) return;
    flush();
    setTimeout(go, PAUSE_MS).unref();
  };
  return {
    write(form, at, event) {
      held.push({ form, at, event });
      if (held.length >= MAX_HELD) flush();
      if (isWaiting) return;
      isWaiting = true;
      setImmediate(go);
    },
    flush,
  };
}
