import {
  type Dcid,
  DELIVERY_EXPIRED,
  type DeliveryFailure,
  type DeliveryOutcome,
  describeFailure,
  failureEvents,
  formatReply,
  type HardBounceReason,
  hardBounceEvents,
  isExpired,
  type JournalCopy,
  NO_CONNECTION,
  nextStep,
  softBounceEvents,
} from '@tdc/core';
import { type FinalOutcome, type JobDisposition, pause } from '@tdc/platform';
import { type Attempt, attemptDelivery, type Circumstances } from './attempt.ts';
import type { Cutoffs } from './cutoffs.ts';
import type { BegunCopy, DeliveryPorts, DeliveryRules } from './ports.ts';

const RECORD_RETRY_MS = 250;

const DONE: JobDisposition = { kind: 'done' };

/** What a copy is delivered under: the signal is that of its job, which this worker has lost, or which stops. */
export interface CopyCircumstances extends Circumstances {
  readonly signal: AbortSignal;
}

type Attempted = Exclude<DeliveryOutcome, { kind: 'not-attempted' }>;

/**
 * Delivers one copy, or finds out what comes next. What happened is recorded first, and only what was recorded is logged
 * and counted, so that a copy that comes twice does neither twice.
 */
export function createDeliverCopy(ports: DeliveryPorts, rules: DeliveryRules, cutoffs: Cutoffs) {
  const { ledger, now, observe } = ports;

  return async (ticket: BegunCopy, { signal, along }: CopyCircumstances): Promise<JobDisposition> => {
    const { copy } = ticket;
    if (isExpired(now(), copy.expiresAt)) return giveBack(copy, 0, signal);
    const startedAt = now();
    // Its deadline ends what is under way.
    const cutoff = cutoffs.begin(copy.expiresAt, signal);
    let attempt: Attempt;
    try {
      attempt = await attemptDelivery(ports, rules, ticket, { signal: cutoff, along });
    } finally {
      cutoffs.end(cutoff);
    }
    if (attempt.kind === 'not-attempted') return giveBack(copy, attempt.retryInMs, signal);
    // This worker is stopping or has lost the job: the copy is as good as new to whoever takes it up.
    if (attempt.kind === 'cut' && signal.aborted) return giveBack(copy, 0, signal);
    const seconds = (now() - startedAt) / 1000;
    observe.attempted(copy, attempt.kind === 'delivered' ? 'delivered' : 'failed', seconds);
    if (attempt.kind === 'cut') return expire(copy, signal, attempt.dcid);
    if (attempt.kind === 'delivered') return await deliver(copy, attempt, signal);
    return fail(copy, attempt, { number: ticket.finishedAttempts + 1, signal });
  };

  /** Nothing was tried: the copy goes back, unless its time is over. */
  async function giveBack(
    copy: JournalCopy,
    retryInMs: number,
    signal: AbortSignal,
  ): Promise<JobDisposition> {
    await ledger.releaseAttempt(copy.mid);
    if (isExpired(now(), copy.expiresAt)) return expire(copy, signal);
    observe.handedBack(copy);
    return { kind: 'retry-at', at: Math.min(now() + retryInMs, copy.expiresAt) };
  }

  async function deliver(
    copy: JournalCopy,
    { dcid, reply }: Extract<Attempted, { kind: 'delivered' }>,
    signal: AbortSignal,
  ): Promise<JobDisposition> {
    const { mid, route, enqueuedAt } = copy;
    const recorded = await record(copy, signal, { kind: 'delivered', dcid, response: formatReply(reply) });
    if (!recorded) return DONE;
    ports.log({ kind: 'delivered', mid, dcid, intake: route.intake });
    ports.log({ kind: 'finished', mid });
    observe.delivered(copy, (now() - enqueuedAt) / 1000);
    return DONE;
  }

  async function fail(
    copy: JournalCopy,
    { dcid, failure }: Extract<Attempted, { kind: 'failed' }>,
    attempt: { readonly number: number; readonly signal: AbortSignal },
  ): Promise<JobDisposition> {
    const { mid, expiresAt, route } = copy;
    observe.failed(copy, failure);
    const step = nextStep(failure, { number: attempt.number, now: now(), expiresAt }, rules);
    if (step.kind === 'hard-bounce')
      return hardBounce(copy, { dcid, failure, reason: step.reason }, attempt.signal);
    const { status, text, code, reply } = describeFailure(failure, false);
    const response = `${status} - ${text} ('${code}', ['${reply}'])`;
    const bounce = { attempt: attempt.number, dcid, reason: step.reason, response, retryAt: step.at };
    if (await persist(mid, attempt.signal, () => ledger.softBounce(mid, bounce))) {
      const pending = { until: step.at, offsetMinutes: ports.offsetMinutes(step.at) };
      for (const event of failureEvents(failure)) ports.log(event);
      for (const event of softBounceEvents({ mid, intake: route.intake, dcid }, failure, pending))
        ports.log(event);
    }
    return { kind: 'retry-at', at: step.at };
  }

  async function hardBounce(
    copy: JournalCopy,
    end: {
      readonly dcid: Dcid;
      readonly failure?: DeliveryFailure;
      readonly reason: HardBounceReason;
    },
    signal: AbortSignal,
  ): Promise<JobDisposition> {
    const { mid, route } = copy;
    const { dcid, failure, reason } = end;
    const described = failure === undefined ? undefined : describeFailure(failure, true);
    const response = described === undefined ? DELIVERY_EXPIRED : `${described.status} ${described.reply}`;
    if (!(await record(copy, signal, { kind: 'hard-bounced', dcid, reason, response }))) return DONE;
    if (failure !== undefined) for (const event of failureEvents(failure)) ports.log(event);
    for (const event of hardBounceEvents({ mid, intake: route.intake, dcid }, reason, failure))
      ports.log(event);
    return DONE;
  }

  function expire(
    copy: JournalCopy,
    signal: AbortSignal,
    dcid: Dcid = NO_CONNECTION,
  ): Promise<JobDisposition> {
    return hardBounce(copy, { dcid, reason: 'expired' }, signal);
  }

  function record(copy: JournalCopy, signal: AbortSignal, outcome: FinalOutcome): Promise<boolean> {
    return persist(copy.mid, signal, () => ledger.finish(copy.mid, outcome));
  }

  /**
   * Writes until it is written: what the peer has answered must not be forgotten because Redis is away for a moment.
   * The worker's end stops it; another worker then repeats the copy under the same journal id.
   */
  async function persist(
    mid: JournalCopy['mid'],
    signal: AbortSignal,
    write: () => Promise<boolean>,
  ): Promise<boolean> {
    for (;;) {
      try {
        return await write();
      } catch (error) {
        if (signal.aborted) throw error;
        observe.recordDelayed(mid);
        await pause(RECORD_RETRY_MS, signal);
      }
    }
  }
}
