import { hardBounceEvents, type JournalCopy, NO_CONNECTION } from '@tdc/core';
import type { SweepPorts } from '../ports.ts';

const BATCH = 500;

/**
 * Ends every copy that has outlived its deadline and that nobody is attempting (spec §5), whether delivery workers run
 * or not. Several monitors may sweep at once: each copy is recorded, logged and counted once. Answers how many.
 */
export async function expireCopies(ports: SweepPorts): Promise<number> {
  let total = 0;
  for (;;) {
    const due = await ports.ledger.expired(ports.now(), BATCH);
    const ended = await Promise.all(due.map((copy) => expireCopy(ports, copy)));
    total += ended.filter(Boolean).length;
    if (due.length < BATCH) return total;
  }
}

async function expireCopy({ ledger, queue, log }: SweepPorts, copy: JournalCopy): Promise<boolean> {
  const { mid, route } = copy;
  const outcome = {
    kind: 'hard-bounced',
    dcid: NO_CONNECTION,
    reason: 'expired',
    response: 'Delivery expired (message too old)',
  } as const;
  const recorded = await ledger.finish(mid, outcome);
  if (recorded) {
    for (const event of hardBounceEvents(
      { mid, intake: route.intake, dcid: NO_CONNECTION },
      'expired',
      undefined,
    )) {
      log(event);
    }
  }
  // A job that stays behind, because a worker holds it, is dropped when it is handled: its copy has an outcome.
  await queue.remove(mid);
  return recorded;
}
