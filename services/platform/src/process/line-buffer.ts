/** Log lines on their way out. */
export interface LineBuffer {
  /** Takes a line, which goes out before the event loop's turn is over, or at the next flush. */
  write(line: string): void;
  /** Writes what is held, before it returns. */
  flush(): void;
}

/** Held at most, in characters: a turn that logs more writes in between. */
const MAX_HELD = 64 * 1024;

/**
 * Puts the lines of one turn of the event loop into one write: under load a line costs a system call otherwise, and a
 * copy has a dozen lines. Who ends the process flushes first; one that is killed takes the lines of its last turn along.
 */
export function createLineBuffer(write: (text: string) => void): LineBuffer {
  let held = '';
  let scheduled = false;
  const flush = (): void => {
    if (held === '') return;
    const text = held;
    held = '';
    write(text);
  };
  return {
    write(line) {
      held += line;
      if (held.length >= MAX_HELD) flush();
      if (scheduled) return;
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        flush();
      });
    },
    flush,
  };
}
