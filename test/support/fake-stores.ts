import { createHash } from 'node:crypto';
import type { JournalCopy, Mid, SkipReason } from '@tdc/core';
import type { Ledger, ReplicaBarrier, Spool, SpoolWriter } from '@tdc/platform';

/** What can be made to fail, or to hang, by name. */
export type StoreAct =
  | 'write'
  | 'finish'
  | 'duplicate'
  | 'remove'
  | 'commit'
  | 'withdraw'
  | 'add'
  | 'confirmQueued';

/** Spool, ledger and queue in memory, for those who hand messages in. */
export interface FakeStores {
  readonly spool: Pick<Spool, 'open' | 'duplicate' | 'remove'>;
  readonly ledger: Pick<Ledger, 'commit' | 'confirmQueued' | 'withdraw'>;
  readonly enqueue: (copies: readonly JournalCopy[]) => Promise<void>;
  readonly replicas: ReplicaBarrier;
  /** Acts in the order in which they were begun, `act mid,mid`. */
  readonly acts: readonly string[];
  readonly bodies: ReadonlyMap<Mid, Buffer>;
  readonly committed: ReadonlyMap<Mid, JournalCopy>;
  readonly skipped: readonly SkipReason[];
  readonly jobs: ReadonlyMap<Mid, JournalCopy>;
  readonly confirmed: ReadonlySet<Mid>;
  /** From now on the act has this before it: a rejection, or a wait. It takes no effect when that rejects. */
  before(act: StoreAct, hook: () => Promise<void>): void;
  /** From now on no replica acknowledges anything. */
  loseReplicas(): void;
  /** The act fails, though it took effect: its answer was lost. */
  loseAnswer(act: StoreAct): void;
}

export function createFakeStores(): FakeStores {
  const acts: string[] = [];
  const bodies = new Map<Mid, Buffer>();
  const committed = new Map<Mid, JournalCopy>();
  const skipped: SkipReason[] = [];
  const jobs = new Map<Mid, JournalCopy>();
  const confirmed = new Set<Mid>();
  const hooks = new Map<StoreAct, () => Promise<void>>();
  const lost = new Set<StoreAct>();
  let replicated = true;
  const act = async (name: StoreAct, mids: readonly Mid[], effect: () => void): Promise<void> => {
    acts.push(`${name} ${mids.join(',')}`.trim());
    await hooks.get(name)?.();
    effect();
    if (lost.has(name)) throw new Error(`the answer to ${name} was lost`);
  };
  const midsOf = (copies: readonly JournalCopy[]): readonly Mid[] => copies.map(({ mid }) => mid);
  const open = (mid: Mid): SpoolWriter => {
    const chunks: Buffer[] = [];
    return {
      write: (chunk) => act('write', [mid], () => void chunks.push(Buffer.from(chunk))),
      async finish() {
        const body = Buffer.concat(chunks);
        await act('finish', [mid], () => void bodies.set(mid, body));
        const sha256 = createHash('sha256').update(body).digest('hex');
        return { sizeBytes: body.length, sha256, unstored: undefined };
      },
      async abandon() {
        acts.push(`abandon ${mid}`);
        bodies.delete(mid);
      },
    };
  };
  return {
    acts,
    bodies,
    committed,
    skipped,
    jobs,
    confirmed,
    spool: {
      open,
      duplicate: (from, to) =>
        act('duplicate', to, () => {
          for (const mid of to) bodies.set(mid, bodies.get(from) ?? Buffer.alloc(0));
        }),
      remove: (mids) =>
        act('remove', mids, () => {
          for (const mid of mids) bodies.delete(mid);
        }),
    },
    ledger: {
      commit: ({ enqueue, skipped: reasons }, body) =>
        act('commit', midsOf(enqueue), () => {
          for (const copy of enqueue) {
            committed.set(copy.mid, copy);
            if (body !== undefined) bodies.set(copy.mid, body);
          }
          skipped.push(...reasons);
        }),
      withdraw: (mids) =>
        act('withdraw', mids, () => {
          for (const mid of mids) if (committed.delete(mid)) bodies.delete(mid);
        }),
      confirmQueued: (mids) =>
        act('confirmQueued', mids, () => {
          for (const mid of mids) confirmed.add(mid);
        }),
    },
    replicas: { holds: async () => replicated },
    enqueue: (copies) =>
      act('add', midsOf(copies), () => {
        for (const copy of copies) jobs.set(copy.mid, copy);
      }),
    before: (name, hook) => void hooks.set(name, hook),
    loseReplicas() {
      replicated = false;
    },
    loseAnswer: (name) => void lost.add(name),
  };
}

/** The hook of an act that Redis does not take. */
export const failing = async (): Promise<void> => {
  throw new Error('Redis does not answer');
};
