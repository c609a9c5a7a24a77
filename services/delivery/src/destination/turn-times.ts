/** How fast a destination takes copies, as far as it is known. */
export interface Pace {
  /** Running mean of the time that a copy takes; 0 while unknown. */
  readonly secondsPerCopy: number;
  readonly connections: number;
}

const ASSUMED_SECONDS_PER_COPY = 0.2;
const MIN_WAIT_MS = 250;
/** While the pace is a guess, nobody is sent away for long. */
const MAX_GUESSED_WAIT_MS = 2_000;
/** A quarter of a copy's life: it must not pass elsewhere what the destination could have used. */
const MAX_WAIT_MS = 30_000;

/**
 * When copies that find no room should come back: each a turn later than the one before, at the pace at which room is
 * made, so that those who come back find some, and a long backlog does not go round and round.
 */
export class TurnTimes {
  readonly #now: () => number;
  #lastTurnAt = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Milliseconds from now to the next free turn. */
  next({ secondsPerCopy, connections }: Pace): number {
    const now = this.#now();
    const turnMs = ((secondsPerCopy || ASSUMED_SECONDS_PER_COPY) * 1000) / Math.max(1, connections);
    const latest = secondsPerCopy === 0 ? MAX_GUESSED_WAIT_MS : MAX_WAIT_MS;
    const wanted = Math.max(this.#lastTurnAt, now) + turnMs;
    // Beyond the latest turn the line begins anew: it is longer than can be foreseen.
    this.#lastTurnAt = wanted - now > latest ? now : wanted;
    return Math.round(Math.min(latest, Math.max(MIN_WAIT_MS, wanted - now)));
  }
}
