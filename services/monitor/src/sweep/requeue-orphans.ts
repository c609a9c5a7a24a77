import type { Mid } from '@tdc/core';
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
  // A job is known by its first copy. The copies of a job are confirmed together: where one is an orphan, so is the first.
  const queued = new Set<Mid>();
  for (const { mid } of orphans) for (const one of (await queue.find(mid))?.mids ?? []) queued.add(one);
  const lost = orphans.filter(({ mid }) => !queued.has(mid));
  if (lost.length > 0) {
    await queue.add(lost.map((copy) => [copy]));
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
  await ledger.confirmQueued([...queued, ...lost.map(({ mid }) => mid)]);
  return orphans.length === BATCH ? 'more' : 'done';
}
