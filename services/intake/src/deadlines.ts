import type { Deadline } from './ports.ts';

/** Messages that come within this time share a deadline: a timer for each would cost more than their bookkeeping. */
const SHARED_MS = 100;

class SharedDeadline implements Deadline {
  readonly #listeners = new Set<() => void>();
  #isOver = false;

  get aborted(): boolean {
    return this.#isOver;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  pass(): void {
    this.#isOver = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}

/** Answers deadlines that abort after so many milliseconds, or up to a tenth of a second before. */
export function createDeadlines(milliseconds: number, now: () => number): () => Deadline {
  let last: { readonly until: number; readonly deadline: Deadline } | undefined;
  return () => {
    const at = now();
    // A clock that was set back must not keep an old deadline alive.
    if (last === undefined || at >= last.until || at < last.until - SHARED_MS) {
      const deadline = new SharedDeadline();
      setTimeout(() => deadline.pass(), milliseconds).unref();
      last = { until: at + SHARED_MS, deadline };
    }
    return last.deadline;
  };
}
