import type { JournalCopy, MailLogEvent, Mid } from '@tdc/core';
import { MidTakenError } from '@tdc/platform';
import type { Deadline, NotAccepted, Storage, Unavailable } from '../ports.ts';
import { copiesOf, type PlannedSplinter, skipsOf } from './plan-copies.ts';
import { unstorable } from './unstorable.ts';

export interface CommitPorts {
  readonly storage: Storage;
  readonly log: (event: MailLogEvent) => void;
  /** Aborts when the client has been told to send the message again: what was done is taken back then. */
  readonly late: Deadline;
}

/** A message that was decided about. */
export interface PlannedMessage {
  readonly mid: Mid;
  readonly planned: readonly PlannedSplinter[];
  /** Its octets, where they are not in the spool yet. */
  readonly unstored: Buffer | undefined;
}

export interface CommittedCopies {
  readonly kind: 'committed';
  /** The MIDs of the copies. */
  readonly queued: readonly Mid[];
}

const UNREPLICATED: NotAccepted = { kind: 'unavailable', reason: 'replicas' };
const LATE: NotAccepted = { kind: 'unavailable', reason: 'time' };

/**
 * Body, account, job, in this order: whatever dies in between, nothing is lost and nothing is counted twice. A short body
 * and the account leave in one write. Replicas are waited for before there is a job: behind the account the sweep makes up
 * for a job that is lost. Never rejects; what could not be made safe is taken back as far as Redis lets it, and where it
 * does not, the sweep queues what it finds: the copy comes twice then, which does no harm (spec §5).
 */
export async function commitCopies(
  { mid, planned, unstored }: PlannedMessage,
  { storage, log, late }: CommitPorts,
): Promise<CommittedCopies | NotAccepted> {
  const copies = copiesOf(planned);
  const queued = copies.map((copy) => copy.mid);
  // Bodies of our own. A short one goes and comes with its account: whatever else is under its MID is another message's.
  const spooled = unstored === undefined ? queued : [];
  const lack = unstored === undefined ? await giveBodies(storage, mid, queued) : undefined;
  if (lack !== undefined) return lack;
  if (late.aborted) return removed(storage, spooled, LATE);
  try {
    await storage.ledger.commit({ enqueue: copies, skipped: skipsOf(planned) }, unstored);
  } catch (error) {
    // Under a MID that another copy has, everything is the other's; a body that found room there goes by its time to live.
    const unsafe = unstorable(error);
    return error instanceof MidTakenError ? unsafe : takenBack(storage, { queued, spooled }, unsafe);
  }
  if (late.aborted) return takenBack(storage, { queued, spooled }, LATE);
  if (queued.length > 0 && !(await storage.replicas.holds(queued)))
    return takenBack(storage, { queued, spooled }, UNREPLICATED);
  logCopies(log, mid, { planned, copies });
  try {
    await storage.enqueue(copies);
  } catch (error) {
    return withdrawn(storage, queued, unstorable(error));
  }
  if (late.aborted) return withdrawn(storage, queued, LATE);
  // Nobody waits for it: until then the copies only look like orphans, whose jobs are found.
  storage.ledger.confirmQueued(queued).catch(() => undefined);
  return { kind: 'committed', queued };
}

/** Each copy gets a body of its own; the message's goes where no copy has its MID. Answers what was lacking. */
async function giveBodies(
  { spool }: Storage,
  mid: Mid,
  queued: readonly Mid[],
): Promise<Unavailable | undefined> {
  try {
    await spool.duplicate(
      mid,
      queued.filter((other) => other !== mid),
    );
    if (!queued.includes(mid)) await spool.remove([mid]);
    return undefined;
  } catch (error) {
    // Bodies that were made already go by their time to live.
    await spool.remove([mid]).catch(() => undefined);
    return unstorable(error);
  }
}

async function removed(
  { spool }: Storage,
  mids: readonly Mid[],
  acceptance: NotAccepted,
): Promise<NotAccepted> {
  await spool.remove(mids).catch(() => undefined);
  return acceptance;
}

/** Takes back copies whose jobs may be there: bodies go with the copies, for a worker may have begun with one. */
async function withdrawn(
  { ledger }: Storage,
  mids: readonly Mid[],
  acceptance: NotAccepted,
): Promise<NotAccepted> {
  await ledger.withdraw(mids).catch(() => undefined);
  return acceptance;
}

/** Takes back a commit that took effect or not; a copy that stays committed keeps its body. */
async function takenBack(
  storage: Storage,
  { queued, spooled }: { readonly queued: readonly Mid[]; readonly spooled: readonly Mid[] },
  acceptance: NotAccepted,
): Promise<NotAccepted> {
  try {
    await storage.ledger.withdraw(queued);
  } catch {
    return acceptance;
  }
  return removed(storage, spooled, acceptance);
}

interface Committed {
  readonly planned: readonly PlannedSplinter[];
  readonly copies: readonly JournalCopy[];
}

/** Policies first, then the copies: a splinter that is skipped has no TDC line (spec §2). */
function logCopies(log: CommitPorts['log'], mid: Mid, { planned, copies }: Committed): void {
  const split = planned.length > 1;
  for (const { mid: newMid, splinter } of planned) {
    if (splinter.policy === '') continue;
    if (split) log({ kind: 'split', mid, newMid, policy: splinter.policy });
    else log({ kind: 'policy-matched', mid, policy: splinter.policy });
  }
  for (const { mid: copyMid, messageIdHeader, route } of copies) {
    log({ kind: 'enqueued', mid: copyMid, messageIdHeader, intake: route.intake, address: route.address });
  }
}
