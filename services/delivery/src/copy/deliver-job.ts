import type { AttemptTicket, JobDisposition, QueuedCopies } from '@tdc/platform';
import { toBegun } from './attempt.ts';
import { Cutoffs } from './cutoffs.ts';
import { type CopyCircumstances, createDeliverCopy } from './deliver-copy.ts';
import type { BegunCopy, DeliveryPorts, DeliveryRules } from './ports.ts';

/** Time for an attempt's outcome to be recorded after the deadline, before the sweep may take the copy. */
const LEASE_SLACK_MS = 2_000;

const DONE: JobDisposition = { kind: 'done' };

/** The sooner of two hand-outs: a copy whose time has not come then is not attempted, and asks for its own. */
function sooner(one: JobDisposition, other: JobDisposition): JobDisposition {
  if (one.kind === 'done') return other;
  if (other.kind === 'done') return one;
  return one.at <= other.at ? one : other;
}

/** What the ledger said of a copy, and the copy where it is to be attempted. */
type Ready = Exclude<AttemptTicket, { kind: 'go' }> | { readonly kind: 'go'; readonly begun: BegunCopy };

const toReady = (ticket: AttemptTicket, now: number): Ready =>
  ticket.kind === 'go' ? { kind: 'go', begun: toBegun(ticket, now) } : ticket;

/** What nobody foresaw while a copy was delivered. */
interface Trouble {
  readonly kind: 'trouble';
  readonly error: unknown;
}

/**
 * Delivers the copies of a job side by side: the use case behind every job. The job is done when each of them has an
 * outcome; else it comes back when the first of them may be attempted again.
 */
export function createDeliverJob(ports: DeliveryPorts, rules: DeliveryRules) {
  const cutoffs = new Cutoffs(ports.now);
  const deliverCopy = createDeliverCopy(ports, rules, cutoffs);

  const deliver = async (
    ticket: Ready,
    circumstances: CopyCircumstances,
    settled: () => void,
  ): Promise<JobDisposition | Trouble> => {
    try {
      if (ticket.kind === 'finished') return DONE;
      if (ticket.kind === 'later') return { kind: 'retry-at', at: ticket.at };
      return await deliverCopy(ticket.begun, circumstances);
    } catch (error) {
      return { kind: 'trouble', error };
    } finally {
      settled();
    }
  };

  return async (
    { mids, short, expiresAt }: QueuedCopies,
    signal: AbortSignal,
    settled: () => void,
  ): Promise<JobDisposition> => {
    const tickets = await ports.ledger.beginAttempts(mids, expiresAt + LEASE_SLACK_MS, short);
    const ready = tickets.map((ticket) => toReady(ticket, ports.now()));
    const first = ready.findIndex(({ kind }) => kind === 'go');
    const unfollow = cutoffs.follow(signal);
    const ends = ready.map((ticket, index) => deliver(ticket, { signal, along: index > first }, settled));
    let disposition = DONE;
    let trouble: Trouble | undefined;
    for (const ending of ends) {
      const end = await ending;
      // One copy's trouble is no other's: the job comes back for it when all have ended.
      if (end.kind === 'trouble') trouble ??= end;
      else disposition = sooner(disposition, end);
    }
    unfollow();
    if (trouble !== undefined) throw trouble.error;
    return disposition;
  };
}
