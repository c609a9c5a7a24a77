import { DELIVERY_EXPIRED, hardBounceEvents, type JournalCopy, type Mid, NO_CONNECTION } from '@tdc/core';
import type { BatchEnd, SweepPorts } from '../ports.ts';

const BATCH = 500;

/**
 * Ends a batch of the copies that have outlived their deadline and that nobody is attempting (spec §5), whether delivery
 * workers run or not. Several monitors may sweep at once: each copy is recorded, logged and counted once.
 */
export async function expireBatch(ports: SweepPorts): Promise<BatchEnd> {
  const due = await ports.ledger.expired(ports.now(), BATCH);
  const recorded = await Promise.all(due.map((copy) => expireCopy(ports, copy)));
  await Promise.all(due.map(({ mid }) => removeJob(ports, mid)));
  // A whole batch that somebody else has ended is theirs to go on with; asking again could go on for ever.
  return due.length === BATCH && recorded.includes(true) ? 'more' : 'done';
}

async function expireCopy({ ledger, log, observe }: SweepPorts, copy: JournalCopy): Promise<boolean> {
  const { mid, route } = copy;
  const outcome = {
    kind: 'hard-bounced',
    dcid: NO_CONNECTION,
    reason: 'expired',
    response: DELIVERY_EXPIRED,
  } as const;
  const recorded = await ledger.finish(mid, outcome);
  if (recorded) {
    const ended = { mid, intake: route.intake, dcid: NO_CONNECTION };
    for (const event of hardBounceEvents(ended, 'expired', undefined)) log(event);
    observe.expired(1);
  }
  return recorded;
}

/**
 * Takes away the job that is known by this copy, unless another copy of it still lives. A job that stays behind, for that
 * or because a worker holds it, is dropped when it is handled: its copies have outcomes.
 */
async function removeJob({ ledger, queue }: SweepPorts, mid: Mid): Promise<void> {
  const job = await queue.find(mid);
  if (job !== undefined && (await ledger.countActive(job.mids)) === 0) await queue.remove(mid);
}
