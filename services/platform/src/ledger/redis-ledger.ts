import { hash, randomBytes } from 'node:crypto';
import type { JournalCopy, Mid } from '@tdc/core';
import type { RedisClient } from '../redis/connect.ts';
import { groupCalls } from '../redis/grouped-calls.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { inOneWrite } from '../redis/one-write.ts';
import { createScriptRunner } from '../redis/run-script.ts';
import type { CommandArgument } from '../redis/send-command.ts';
import { createShortBodies } from '../spool/short-bodies.ts';
import {
  type AttemptTicket,
  type CopyState,
  type Decision,
  type FinalOutcome,
  type Ledger,
  MidTakenError,
  type TrackedCopy,
} from './ledger.ts';
import { intakesIn, parseJob, toQueueCounters, toTrackedCopy } from './record.ts';
import * as scripts from './scripts.ts';

export interface LedgerOptions {
  readonly now: () => number;
  /** How long tracking remembers a copy beyond its outcome, at most. */
  readonly trackingHours: number;
  /** How long a body lives that is stored with its commit, seconds; for whoever stores any. */
  readonly bodySeconds?: number;
  /** How long a confirmation may wait for others, ms; well below the age at which a copy without one is an orphan. */
  readonly confirmGatherMs?: number;
  /** How many copies this process has in hand: when the outcomes of all are there, none waits for others. */
  readonly copiesInHand?: () => number;
}

const TRIM_BATCH = 1000;
const MAX_RESPONSE_LENGTH = 500;
/** Calls remembered because their answer is not known: a few seconds of traffic while Redis is away. */
const MAX_UNANSWERED = 10_000;
/** Anybody can send the same Message-ID time and again: tracking shows the newest of them, of which the index has more. */
const MAX_TRACKED = 100;
/** What one call takes at most: Redis serves nobody else meanwhile. */
const MAX_GROUP = 64;
const MAX_GROUP_BYTES = 1024 * 1024;
/** The peer has its copy: what came of it may wait for others of its kind. */
const FINISH_GATHER_MS = 5;

/** Enough that no two processes draw the same. */
const CALLER_BYTES = 9;

/** What WITHDRAW does with the bodies under its MIDs. */
const [KEEP_BODIES, FORGET_BODIES] = ['keep', 'forget'];

const midsOf = (copies: readonly JournalCopy[]): readonly Mid[] => copies.map(({ mid }) => mid);
const hashOf = (text: string): string => hash('sha256', text, 'hex');

interface Commit {
  readonly decision: Decision;
  readonly body: Buffer | undefined;
}

const weightOf = ({ decision, body }: Commit): number =>
  (body?.length ?? 0) * Math.max(1, decision.enqueue.length);

/** Adds what COMMIT is told of one message. */
function addCommit(
  args: CommandArgument[],
  { decision: { enqueue, skipped } }: Commit,
  trackingMs: number,
): void {
  args.push(enqueue.length, skipped.length, ...skipped);
  for (const copy of enqueue) {
    const index = copy.messageIdHeader === '' ? '' : hashOf(copy.messageIdHeader);
    const { mid, journalId, route, expiresAt, enqueuedAt } = copy;
    args.push(mid, journalId, route.intake, expiresAt, enqueuedAt, JSON.stringify(copy));
    args.push(index, expiresAt + trackingMs);
  }
}

/** State and details that an outcome is recorded with. */
function finishArguments(outcome: FinalOutcome): [CopyState, number, string, string] {
  switch (outcome.kind) {
    case 'delivered':
      return ['delivered', outcome.dcid, '', outcome.response.slice(0, MAX_RESPONSE_LENGTH)];
    case 'hard-bounced': {
      const response = outcome.response.slice(0, MAX_RESPONSE_LENGTH);
      return ['hard-bounced', outcome.dcid, outcome.reason, response];
    }
    case 'deleted':
      return ['deleted', 0, '', ''];
  }
}

type BeginAnswer = readonly [] | readonly [until: Buffer] | readonly [number, job: Buffer];

/** What BEGIN_ATTEMPTS answers of one copy, and its body. */
function toTicket(answer: BeginAnswer, body: Buffer | null | undefined): AttemptTicket {
  if (answer.length === 0) return { kind: 'finished' };
  if (answer.length === 1) return { kind: 'later', at: Number(answer[0]) };
  const [finishedAttempts, json] = answer;
  return { kind: 'go', copy: parseJob(json.toString()), finishedAttempts, body: body ?? undefined };
}

/** The ledger in Redis. Every method rejects when Redis does not answer in the connection's command time. */
export function createLedger(redis: RedisClient, keys: RedisKeys, options: LedgerOptions): Ledger {
  const { now } = options;
  const trackingMs = options.trackingHours * 3600 * 1000;
  const bodies = createShortBodies(redis, keys, (options.bodySeconds ?? 0) * 1000);
  const { run, runForOctets } = createScriptRunner(redis, keys.counters, keys.prefix);
  const recordOnce = createCallMemory();
  const jobs = (answer: unknown): readonly JournalCopy[] => (answer as string[]).map(parseJob);
  const load = async (mids: readonly (number | string)[]): Promise<readonly TrackedCopy[]> => {
    const records = await Promise.all(mids.map((mid) => redis.hgetall(`${keys.prefix}:copy:${mid}`)));
    return records.flatMap((record) => toTrackedCopy(record) ?? []);
  };
  const storeBody = ({ decision: { enqueue }, body }: Commit) =>
    body === undefined || enqueue.length === 0
      ? Promise.resolve('stored' as const)
      : bodies.store(midsOf(enqueue), body);
  const commit = groupCalls<Commit, number | 'taken' | Error>(
    async (commits) => {
      const args: CommandArgument[] = [now()];
      for (const one of commits) addCommit(args, one, trackingMs);
      const [stored, answers] = await inOneWrite(redis, () =>
        Promise.all([
          Promise.all(commits.map(storeBody)),
          run(scripts.COMMIT, args) as Promise<readonly number[]>,
        ]),
      );
      return answers.map((answer, index) => {
        const fate = stored[index] ?? 'stored';
        // A body that was there already is its own where the copies were: the call was sent twice.
        return fate === 'stored' || answer <= 0 ? answer : fate;
      });
    },
    { maxItems: MAX_GROUP, weight: { of: weightOf, max: MAX_GROUP_BYTES } },
  );
  const confirmQueued = groupCalls<readonly Mid[], void>(
    async (groups) => {
      await redis.zrem(keys.unqueued, ...groups.flat());
      return [];
    },
    { maxItems: MAX_GROUP, ...(options.confirmGatherMs && { gatherMs: options.confirmGatherMs }) },
  );
  const finish = groupCalls<readonly CommandArgument[], unknown>(
    (outcomes) => {
      const args: CommandArgument[] = [now(), trackingMs];
      for (const one of outcomes) args.push(...one);
      return run(scripts.FINISH, args) as Promise<readonly unknown[]>;
    },
    {
      maxItems: MAX_GROUP,
      gatherMs: FINISH_GATHER_MS,
      ...(options.copiesInHand && { expected: options.copiesInHand }),
    },
  );

  return {
    async commit(decision, body) {
      const answer = await commit({ decision, body });
      if (answer instanceof Error) throw answer;
      if (answer === 'taken') {
        const mids = midsOf(decision.enqueue);
        // Where that fails the sweep finds copies whose body is not theirs, and accounts for them.
        await run(scripts.WITHDRAW, [KEEP_BODIES, ...mids]).catch(() => undefined);
        throw new MidTakenError(`TAKEN MID ${mids.join(' or ')} has the body of another message`);
      }
      if (answer < 0) throw new MidTakenError(`TAKEN MID ${-answer} belongs to another copy`);
    },
    nextCommits: commit.nextEnd,
    async confirmQueued(mids) {
      if (mids.length > 0) await confirmQueued(mids);
    },
    async withdraw(mids) {
      if (mids.length > 0) await run(scripts.WITHDRAW, [FORGET_BODIES, ...mids]);
    },
    async beginAttempts(mids, leaseUntil, withBodies = false) {
      const [answers, found] = await inOneWrite(redis, () =>
        Promise.all([
          runForOctets(scripts.BEGIN_ATTEMPTS, [now(), leaseUntil, ...mids]) as Promise<
            readonly BeginAnswer[]
          >,
          withBodies ? bodies.fetch(mids) : [],
        ]),
      );
      return answers.map((answer, index) => toTicket(answer, found[index]));
    },
    async extendLease(mid, leaseUntil) {
      await run(scripts.EXTEND_LEASE, [mid, leaseUntil]);
    },
    async releaseAttempt(mid) {
      await run(scripts.RELEASE_ATTEMPT, [mid]);
    },
    softBounce(mid, bounce) {
      const { attempt, dcid, reason, retryAt } = bounce;
      const response = bounce.response.slice(0, MAX_RESPONSE_LENGTH);
      return recordOnce(
        () => `${mid} soft bounce ${attempt} ${dcid} ${reason}`,
        (call) => run(scripts.SOFT_BOUNCE, [mid, call, attempt, dcid, reason, response, retryAt]),
      );
    },
    finish(mid, outcome) {
      const values = finishArguments(outcome);
      return recordOnce(
        () => `${mid} ${values.join(' ')}`,
        (call) => finish([mid, call, ...values]),
      );
    },
    expired: async (at, limit) => jobs(await run(scripts.EXPIRED, [at, limit])),
    orphans: async (before, limit) => jobs(await run(scripts.ORPHANS, [before, limit])),
    async activeCopies(dueBy) {
      const [active = 0, attempting = 0, delayed = 0, dueSoon = 0] = (await run(scripts.DEPTH, [
        dueBy,
      ])) as readonly number[];
      return { waiting: Math.max(0, active - attempting - delayed), attempting, delayed, dueSoon };
    },
    countActive: async (mids) => Number(await run(scripts.COUNT_ACTIVE, mids)),
    counters: async () => toQueueCounters(await redis.hgetall(keys.counters)),
    async oldestActive() {
      const aliases = intakesIn(await redis.hgetall(keys.counters));
      const first = await Promise.all(
        aliases.map((alias) => redis.zrange(keys.oldest(alias), '0', '0', 'WITHSCORES')),
      );
      const found = aliases.flatMap((alias, index) => {
        const score = first[index]?.[1];
        return score === undefined ? [] : [[alias, Number(score)] as const];
      });
      return Object.fromEntries(found);
    },
    trimTracking: async ({ keepFrom, maxCopies }) =>
      Number(await run(scripts.TRIM, [keepFrom, maxCopies, TRIM_BATCH])),
    async track(query) {
      if ('mid' in query) return load([query.mid]);
      const mids = (await redis.get(keys.midsOf(hashOf(query.messageIdHeader))))?.split(' ') ?? [];
      return load(mids.slice(-MAX_TRACKED));
    },
  };
}

/**
 * Makes a call that was rejected, and so took effect or not, the same call when it is made again: whoever recorded a
 * bounce or an outcome is told so in the end, and can log it. `what` names all that the call records; it is asked only when
 * there is something to remember.
 */
function createCallMemory() {
  const unanswered = new Map<string, string>();
  // Each record keeps the name of its call: of this process, and of the call within it.
  const ours = randomBytes(CALLER_BYTES).toString('base64url');
  let calls = 0;
  const nameCall = (): string => {
    calls += 1;
    return `${ours}.${calls.toString(36)}`;
  };
  const recall = (what: string): string | undefined => {
    const call = unanswered.get(what);
    unanswered.delete(what);
    return call;
  };
  return async (what: () => string, record: (call: string) => Promise<unknown>): Promise<boolean> => {
    const call = (unanswered.size > 0 ? recall(what()) : undefined) ?? nameCall();
    try {
      return (await record(call)) === 1;
    } catch (error) {
      const [oldest] = unanswered.keys();
      if (unanswered.size >= MAX_UNANSWERED && oldest !== undefined) unanswered.delete(oldest);
      unanswered.set(what(), call);
      throw error;
    }
  };
}
