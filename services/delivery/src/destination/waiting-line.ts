import type { CutSignal } from '../cut-signal.ts';

interface Waiter<T> {
  readonly settle: (answer: T) => void;
}

/** Who waits for something, in the order in which they came. Each is answered once. */
export class WaitingLine<T> {
  readonly #waiters: Waiter<T>[] = [];

  get length(): number {
    return this.#waiters.length;
  }

  /** Joins at the end; leaves with `onAbort`'s answer when the signal aborts first. */
  join(signal: CutSignal, onAbort: () => T): Promise<T> {
    return new Promise((resolve) => {
      const waiter: Waiter<T> = {
        settle(answer) {
          signal.removeEventListener('abort', leave);
          resolve(answer);
        },
      };
      const leave = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        waiter.settle(onAbort());
      };
      signal.addEventListener('abort', leave);
      this.#waiters.push(waiter);
    });
  }

  /** Answers whoever waits longest; false when nobody does. `answer` is only asked for when somebody does. */
  answerFirst(answer: () => T): boolean {
    const waiter = this.#waiters.shift();
    waiter?.settle(answer());
    return waiter !== undefined;
  }

  /** Answers everybody. */
  answerAll(answer: () => T): void {
    for (const waiter of this.#waiters.splice(0)) waiter.settle(answer());
  }
}
