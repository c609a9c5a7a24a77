import { type JournalCopy, wayOf } from '@tdc/core';
import type { CutSignal } from '../cut-signal.ts';
import type { DestinationPorts, DestinationRules, Load } from '../ports.ts';
import { type Acquisition, Destination, PREFETCH } from './destination.ts';

/** What the queue looks like from outside this process, by alias. */
export interface LoadSource {
  /** Active recipients of every intake that has any. */
  activeRecipients(): Promise<Readonly<Record<string, number>>>;
  /** Workers that hold connections to the intake. */
  workers(intake: string): Promise<number>;
}

export interface DestinationsOptions {
  readonly ports: DestinationPorts;
  readonly rules: DestinationRules;
  readonly load: LoadSource;
  /** Sets how many copies the worker has in hand at once. */
  readonly setCapacity: (copies: number) => void;
  readonly maxCopies: number;
}

/** Copies of other destinations that may be looked at while one holds all it can use. */
const SLACK = 8;
const LOOK_MS = 500;

/**
 * All destinations of this process. The copies it holds at once are as many as its destinations can use, and some more
 * only while other destinations have copies, too: so one that is slow or down never takes another's capacity.
 */
export class Destinations {
  readonly #options: DestinationsOptions;
  readonly #all = new Map<string, Destination>();
  #others = false;
  #looking = false;
  #closing = false;
  readonly #timer: NodeJS.Timeout;

  constructor(options: DestinationsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  /** `along`: the copy came in the job of another, which goes the same way. */
  acquire(copy: JournalCopy, signal: CutSignal, along = false): Promise<Acquisition> {
    if (this.#closing) return Promise.resolve({ kind: 'unavailable', retryInMs: 0 });
    const key = wayOf(copy.route);
    let destination = this.#all.get(key);
    if (destination === undefined) {
      destination = new Destination(copy.route, this.#options.ports, this.#options.rules);
      this.#all.set(key, destination);
      this.#tune();
    }
    const acquired = destination.acquire(signal, along);
    if (this.#others && destination.overshoot > 0) this.#tune();
    return acquired;
  }

  /** The peer refused something for good: worth showing in hoststatus. */
  refused(copy: JournalCopy, failure: Parameters<Destination['host']['refused']>[0]): void {
    this.#all.get(wayOf(copy.route))?.host.refused(failure);
  }

  get openConnections(): number {
    return [...this.#all.values()].reduce((total, one) => total + one.openConnections, 0);
  }

  get waitingCopies(): number {
    return [...this.#all.values()].reduce((total, one) => total + one.waitingCopies, 0);
  }

  /** Hands back every copy that waits and closes every connection as soon as no copy holds it. */
  close(): void {
    this.#closing = true;
    clearInterval(this.#timer);
    for (const destination of this.#all.values()) destination.close();
  }

  /** Resolves when every connection has said its farewell, so that their places are free for others. */
  async whenEmpty(): Promise<void> {
    await Promise.all([...this.#all.values()].map((destination) => destination.whenEmpty()));
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#all.size === 0) return;
    this.#looking = true;
    try {
      const active = await this.#options.load.activeRecipients();
      const aliases = Object.keys(active).filter((alias) => (active[alias] ?? 0) > 0);
      for (const destination of this.#all.values()) {
        const { intake } = destination.route;
        destination.setLoad(await this.#loadOf(intake, active[intake] ?? 0));
      }
      const here = new Set([...this.#all.values()].map(({ route }) => route.intake));
      this.#others = this.#all.size > 1 || aliases.some((alias) => !here.has(alias));
    } catch {
      // Redis is away: what was known last is good enough, and nothing can be queued meanwhile.
    } finally {
      this.#looking = false;
    }
    this.#forgetUnused();
    this.#tune();
  }

  async #loadOf(intake: string, activeRecipients: number): Promise<Load> {
    return { activeRecipients, workers: Math.max(1, await this.#options.load.workers(intake)) };
  }

  /** A route that an edit replaced has no copies any more, and no connections. What is known of a host that is probed stays. */
  #forgetUnused(): void {
    for (const [key, destination] of this.#all) {
      if (destination.isIdle && !destination.isProbing) this.#all.delete(key);
    }
  }

  #tune(): void {
    const all = [...this.#all.values()];
    const used = all.reduce((total, one) => total + one.capacity, 0);
    // What a destination has beyond its capacity takes nothing from the others.
    const surplus = all.reduce((total, one) => total + one.overshoot, SLACK);
    const wanted = Math.max(SLACK, used + (this.#others ? surplus : 0));
    this.#options.setCapacity(Math.min(this.#options.maxCopies, Math.max(PREFETCH, wanted)));
  }
}
