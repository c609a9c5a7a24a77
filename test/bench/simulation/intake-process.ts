import type { JournalCopy, Mid } from '@tdc/core';
import { groupEnqueue, type QueuedCopies } from '@tdc/platform';
import { groupCalls } from '../../../services/platform/src/redis/grouped-calls.ts';
import { CONSTANTS } from './rules.ts';
import type { SharedStore } from './shared-store.ts';

const { MAX_GROUP, CONFIRM_GATHER_MS, DEFAULT_BLOCK, POLL_MS } = CONSTANTS;

/** A process that takes mail: the product's grouping of calls and of copies, in front of the shared store. */
export class IntakeProcess {
  readonly #commit: (copy: JournalCopy) => Promise<void>;
  readonly #confirm: (mids: readonly Mid[]) => Promise<void>;
  readonly #enqueue: (copies: readonly JournalCopy[]) => Promise<void>;
  readonly #store: SharedStore;
  #messages = 0;

  constructor(store: SharedStore) {
    this.#store = store;
    const commit = groupCalls<JournalCopy, void>(
      async (copies) => {
        await store.time.roundTrip();
        store.commit(copies);
        return [];
      },
      { maxItems: MAX_GROUP },
    );
    this.#commit = commit;
    this.#confirm = groupCalls<readonly Mid[], void>(
      async () => {
        store.tally.add('confirm');
        await store.time.roundTrip();
        return [];
      },
      { maxItems: MAX_GROUP, gatherMs: CONFIRM_GATHER_MS },
    );
    this.#enqueue = groupEnqueue(
      {
        async add(groups) {
          await store.time.roundTrip();
          store.tally.add('add', 0, groups.length);
          store.addJobs(groups.map((copies) => ({ data: jobOf(copies) })));
        },
      },
      commit.nextEnd,
    );
    setInterval(() => store.tally.add('lookAtMemory'), POLL_MS);
  }

  /** One message, of which one copy is due. */
  async accept(copy: JournalCopy): Promise<void> {
    // Messages are numbered, and so are the connections that they come over: one for each here.
    if (this.#messages % DEFAULT_BLOCK === 0) this.#store.tally.add('takeIds', 0, 2);
    this.#messages += 1;
    await this.#commit(copy);
    await this.#enqueue([copy]);
    await this.#confirm([copy.mid]);
  }
}

const jobOf = (copies: readonly JournalCopy[]): QueuedCopies => ({
  mids: copies.map(({ mid }) => mid),
  expiresAt: Math.max(...copies.map(({ expiresAt }) => expiresAt)),
});
