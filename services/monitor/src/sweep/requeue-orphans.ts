import type { JournalCopy } from '@tdc/core';
import type { BatchEnd, SweepPorts } from '../ports.ts';

/** An intake that is alive confirms within milliseconds of its commit. */
const ORPHAN_AFTER_MS = 5_000;
const BATCH = 500;

/**
 * Queues a batch of the copies that were committed and never queued: their intake died in between, or Redis lost the end
 * of its log. Whether the gateway was told 250 is not known, so the copy is sent: doubled is better than lost.
 */
export async function requeueOrphans(ports: SweepPorts): Promise<BatchEnd> {
  const { ledger, queue, log, observe, now } = ports;
  const orphans = await ledger.orphans(now() - ORPHAN_AFTER_MS, BATCH);
  const lost: JournalCopy[] = [];
  for (const copy of orphans) if (!(await queue.has(copy.mid))) lost.push(copy);
  if (lost.length > 0) {
    await queue.add(lost);
    for (const { mid } of lost) {
      log({
        kind: 'notice',
        level: 'warning',
        name: 'orphan-requeued',
        text: `MID ${mid} was committed without a job: queued now`,
        fields: { mid },
      });
    }
    observe.requeued(lost.length);
  }
  await ledger.confirmQueued(orphans.map(({ mid }) => mid));
  return orphans.length === BATCH ? 'more' : 'done';
}
