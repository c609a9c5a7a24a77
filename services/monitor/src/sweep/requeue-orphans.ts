import type { JournalCopy } from '@tdc/core';
import type { SweepPorts } from '../ports.ts';

/** An intake that is alive confirms within milliseconds of its commit. */
const ORPHAN_AFTER_MS = 5_000;
const BATCH = 500;

/**
 * Queues copies that were committed and never queued: their intake died in between, or Redis lost the end of its log.
 * Whether the gateway was told 250 is not known, so the copy is sent: doubled is better than lost. Answers how many.
 */
export async function requeueOrphans(ports: SweepPorts): Promise<number> {
  const orphans = await ports.ledger.orphans(ports.now() - ORPHAN_AFTER_MS, BATCH);
  const lost: JournalCopy[] = [];
  for (const copy of orphans) if (!(await ports.queue.has(copy.mid))) lost.push(copy);
  if (lost.length > 0) {
    await ports.queue.add(lost);
    for (const { mid } of lost) {
      ports.log({
        kind: 'notice',
        level: 'warning',
        name: 'orphan-requeued',
        text: `MID ${mid} was committed without a job: queued now`,
        fields: { mid },
      });
    }
  }
  await ports.ledger.confirmQueued(orphans.map(({ mid }) => mid));
  return lost.length;
}
