/**
 * How long something is waited for, which changes many times before it is ever over: one timer runs on, and looks for what
 * is left when it fires, so that beginning and ending to wait cost no timer of their own.
 */
export class Patience {
  readonly #onOver: () => void;
  readonly #now: () => number;
  /** Infinite while nothing is waited for. */
  #overAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  #dueAt = 0;

  /**
   * `onOver` is called each time that it is over; nothing is waited for then. `now` tells milliseconds, by a clock that
   * never jumps unless another is given.
   */
  constructor(onOver: () => void, now: () => number = () => performance.now()) {
    this.#onOver = onOver;
    this.#now = now;
  }

  /** Waits for so long from now on, whatever was waited for before. */
  start(limitMs: number): void {
    this.#overAt = this.#now() + limitMs;
    if (this.#timer === undefined || this.#dueAt > this.#overAt) this.#arm(limitMs);
  }

  /** Waits for nothing. */
  stop(): void {
    this.#overAt = Number.POSITIVE_INFINITY;
  }

  /** Waits for nothing, and leaves no timer behind. */
  close(): void {
    this.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(limitMs: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = this.#now() + limitMs;
    this.#timer = setTimeout(this.#look, limitMs);
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (this.#overAt === Number.POSITIVE_INFINITY) return;
    const left = this.#overAt - this.#now();
    if (left > 0) {
      this.#arm(left);
      return;
    }
    this.stop();
    this.#onOver();
  };
}
