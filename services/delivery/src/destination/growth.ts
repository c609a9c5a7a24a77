/** After a failed connection beside working ones, no more are opened for a while: the peer may have a limit. */
const PAUSE_MS = 5_000;
/** How long nothing is tried at the ceiling, and a copy waits for a place under it before it is handed back. */
export const CEILING_PATIENCE_MS = 2_000;
const FIRST_PROBE_MS = 500;

/**
 * How many connections a destination may have at the moment, by what became of the last ones (spec §6): as many as are
 * wanted; one while the peer shows a limit; and one at a time, less and less often, while the host is down or has no room.
 */
export class Growth {
  readonly #probeMs: number;
  #pausedUntil = 0;
  #probeAt = 0;
  #probeDelayMs = FIRST_PROBE_MS;

  /** `probeMs`: longest time between two attempts to reach a host that is down. */
  constructor(probeMs: number) {
    this.#probeMs = probeMs;
  }

  /** How many of the wanted connections there may be. */
  limit(wanted: number, now: number, isProbing: boolean): number {
    if (isProbing) return now < this.#probeAt ? 0 : 1;
    return now < this.#pausedUntil ? Math.min(1, wanted) : wanted;
  }

  /** Milliseconds until a host that is probed may be tried again. */
  untilProbe(now: number): number {
    return Math.max(0, this.#probeAt - now);
  }

  /** A connection stands. */
  succeeded(): void {
    this.#probeDelayMs = FIRST_PROBE_MS;
  }

  /** A connection failed while others stand or are being tried. */
  failedBesideOthers(now: number): void {
    this.#pausedUntil = now + PAUSE_MS;
  }

  /** The last connection failed. */
  failedAlone(now: number): void {
    this.#probeAt = now + this.#probeDelayMs;
    this.#probeDelayMs = Math.min(this.#probeDelayMs * 2, this.#probeMs);
  }

  /** Every place is taken. */
  metCeiling(now: number): void {
    this.#pausedUntil = now + CEILING_PATIENCE_MS;
  }
}
