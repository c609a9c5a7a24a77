import { mock } from 'node:test';

/** When every simulation begins: none depends on the day it is run. */
const BEGIN = Date.UTC(2026, 0, 1);

/** More than any chain of calls has that needs no time. */
const LAST_TURNS = 20;
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * The time of a simulation, in steps of a millisecond: `setTimeout`, `setInterval` and `Date` of this process follow it, so
 * that the product's own code runs in it unchanged. One simulation at a time. In a step everything happens that can.
 */
export class VirtualTime {
  #tick = Promise.withResolvers<void>();

  constructor() {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: BEGIN });
  }

  /** Milliseconds since the epoch. */
  readonly now = (): number => Date.now();

  /** Seconds since the beginning. */
  get seconds(): number {
    return (Date.now() - BEGIN) / 1000;
  }

  /** Until the next step: what a question to Redis takes. */
  roundTrip(): Promise<void> {
    return this.#tick.promise;
  }

  /** Lets time pass until `isOver`, asked after every step, or until so many seconds have passed since the beginning. */
  async runUntil(seconds: number, isOver: () => boolean = () => false): Promise<void> {
    while (this.seconds < seconds && !isOver()) {
      const ended = this.#tick;
      this.#tick = Promise.withResolvers();
      mock.timers.tick(1);
      ended.resolve();
      await nextTurn();
    }
  }

  /**
   * The real time again. What was still to come never does; what can happen without more time does so first: a timer that it
   * stopped afterwards would be one of the next simulation.
   */
  async end(): Promise<void> {
    for (let turn = 0; turn < LAST_TURNS; turn += 1) await nextTurn();
    mock.timers.reset();
  }
}
