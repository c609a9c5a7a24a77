import type { JobHandler } from '@tdc/platform';
import type { Job, SharedStore } from './shared-store.ts';

/**
 * How BullMQ's worker takes jobs, under the product's rules for its concurrency: one fetch at a time, another with the end
 * of a job, and asleep when there is none, however many jobs it has in hand.
 */
export class QueueWorker {
  readonly #store: SharedStore;
  readonly #handler: JobHandler;
  readonly #jobs = new Set<Job>();
  #capacity: number;
  #copiesInHand = 0;
  #fetching = false;
  #asleep = false;
  #stopped = false;
  readonly #draining = new AbortController();

  constructor(store: SharedStore, handler: JobHandler, capacity: number) {
    this.#store = store;
    this.#handler = handler;
    this.#capacity = capacity;
    void this.#look();
  }

  get isBusy(): boolean {
    return this.#jobs.size > 0;
  }

  get copiesInHand(): number {
    return this.#copiesInHand;
  }

  setCapacity(copies: number): void {
    this.#capacity = Math.max(1, copies);
    void this.#look();
  }

  /** Takes no more jobs, and has those in hand given back as far as nothing of them was begun. */
  leave(): void {
    this.#stopped = true;
    this.#draining.abort();
  }

  /** Does nothing any more, without a word. Answers the jobs that it had. */
  die(): readonly Job[] {
    this.#stopped = true;
    return [...this.#jobs];
  }

  #hasRoom(): boolean {
    return this.#jobs.size === 0 || this.#copiesInHand < this.#capacity;
  }

  async #look(): Promise<void> {
    if (this.#fetching || this.#asleep || this.#stopped) return;
    this.#fetching = true;
    while (this.#hasRoom() && !this.#stopped) {
      await this.#store.time.roundTrip();
      const job = this.#store.takeJob();
      if (job === undefined) {
        this.#sleep();
        break;
      }
      void this.#handle(job);
    }
    this.#fetching = false;
  }

  #sleep(): void {
    this.#asleep = true;
    this.#store.sleep(() => {
      this.#asleep = false;
      if (this.#stopped) return this.#store.wakeOne();
      this.#store.tally.add('wake');
      void this.#look();
    });
  }

  async #handle(job: Job): Promise<void> {
    const { mids } = job.data;
    let held = mids.length;
    this.#jobs.add(job);
    this.#copiesInHand += held;
    const settle = (count: number): void => {
      held -= count;
      this.#copiesInHand -= count;
      void this.#look();
    };
    const disposition = await this.#handler(job.data, this.#draining.signal, () => settle(Math.min(1, held)));
    await this.#store.time.roundTrip();
    if (disposition.kind === 'done') this.#store.tally.add('handle');
    else {
      this.#store.tally.add('putBack');
      this.#store.putBack(job, disposition.at);
    }
    this.#jobs.delete(job);
    settle(held);
  }
}
