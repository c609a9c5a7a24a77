/** Log lines on their way out. */
export interface LineBuffer {
  /** Takes a line, which goes out with the event loop's turn; behind others 50 ms later at most, or at the next flush. */
  write(line: string): void;
  /** Writes what is held, before it returns. */
  flush(): void;
}

/** Held at most, in characters: what logs more in the time writes in between. */
const MAX_HELD = 64 * 1024;
const PAUSE_MS = 50;

/**
 * Puts the lines of one turn of the event loop into one write, and the lines of the 50 ms behind it into the next: under
 * load a line costs a system call otherwise, and a copy has a dozen lines. Who ends the process flushes first; one that is
 * killed takes the lines of its last 50 ms along.
 */
export function createLineBuffer(write: (text: string) => void): LineBuffer {
  let held = '';
  /** A write is due. */
  let isWaiting = false;
  const flush = (): void => {
    if (held === '') return;
    const text = held;
    held = '';
    write(text);
  };
  const go = (): void => {
    isWaiting = held !== '';
    if (!isWaiting) return;
    flush();
    setTimeout(go, PAUSE_MS).unref();
  };
  return {
    write(line) {
      held += line;
      if (held.length >= MAX_HELD) flush();
      if (isWaiting) return;
      isWaiting = true;
      setImmediate(go);
    },
    flush,
  };
}
