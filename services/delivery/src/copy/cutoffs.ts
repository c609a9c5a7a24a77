import { invariant } from '@tdc/core';
import type { CutSignal } from '../cut-signal.ts';

/** Ends one attempt. It has one listener at a time: the line in which the copy waits, or its transaction. */
export class Cutoff implements CutSignal {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Of the worker. */
  readonly signal: AbortSignal;
  #isCut: boolean;
  #listener: (() => void) | undefined;

  constructor(expiresAt: number, signal: AbortSignal) {
    this.expiresAt = expiresAt;
    this.signal = signal;
    this.#isCut = signal.aborted;
  }

  get aborted(): boolean {
    return this.#isCut;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    invariant(this.#listener === undefined, 'a copy is in one place at a time');
    this.#listener = listener;
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined;
  }

  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#listener?.();
  }
}

/**
 * Ends attempts at the deadline of their copy, and with the signal of their job. One timer runs for all of them, at the
 * first of the deadlines, and each signal has one listener.
 */
export class Cutoffs {
  readonly #now: () => number;
  readonly #begun = new Set<Cutoff>();
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Ends attempts with the signal that they are begun under. Answers how to stop listening. */
  follow(signal: AbortSignal): () => void {
    const end = (): void => {
      for (const cutoff of this.#begun) if (cutoff.signal === signal) cutoff.cut();
    };
    signal.addEventListener('abort', end);
    return () => signal.removeEventListener('abort', end);
  }

  /** An attempt begins, under a signal that is followed. */
  begin(expiresAt: number, signal: AbortSignal): Cutoff {
    const cutoff = new Cutoff(expiresAt, signal);
    this.#begun.add(cutoff);
    if (expiresAt < this.#dueAt) this.#arm(expiresAt);
    return cutoff;
  }

  /** An attempt has ended. */
  end(cutoff: Cutoff): void {
    this.#begun.delete(cutoff);
  }

  /** The timer stays when the attempts that it was for have ended, and so must not keep the process. */
  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = at;
    this.#timer = setTimeout(this.#look, Math.max(0, at - this.#now())).unref();
  }

  readonly #look = (): void => {
    this.#dueAt = Number.POSITIVE_INFINITY;
    const now = this.#now();
    let next = Number.POSITIVE_INFINITY;
    for (const cutoff of this.#begun) {
      if (cutoff.expiresAt <= now) cutoff.cut();
      else next = Math.min(next, cutoff.expiresAt);
    }
    if (next < this.#dueAt) this.#arm(next);
  };
}
