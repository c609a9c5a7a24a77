import { createHash, randomUUID } from 'node:crypto';
import type { JournalCopy } from '@tdc/core';
import type { RedisClient } from '../redis/connect.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { type CopyState, type FinalOutcome, type Ledger, MidTakenError, type TrackedCopy } from './ledger.ts';
import { intakesIn, parseJob, toQueueCounters, toTrackedCopy } from './record.ts';
import * as scripts from './scripts.ts';

export interface LedgerOptions {
  readonly now: () => number;
  /** How long tracking remembers a copy beyond its outcome, at most. */
  readonly trackingHours: number;
}

const TRIM_BATCH = 1000;
const MAX_RESPONSE_LENGTH = 500;
/** Calls remembered because their answer is not known: a few seconds of traffic while Redis is away. */
const MAX_UNANSWERED = 10_000;
/** Anybody can send the same Message-ID time and again: tracking shows the newest of them. */
const MAX_TRACKED = 100;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** State, counter field and details that an outcome is recorded with. */
function finishArguments(outcome: FinalOutcome): [CopyState, string, number, string, string] {
  switch (outcome.kind) {
    case 'delivered':
      return ['delivered', 'delivered:%s', outcome.dcid, '', outcome.response.slice(0, MAX_RESPONSE_LENGTH)];
    case 'hard-bounced': {
      const response = outcome.response.slice(0, MAX_RESPONSE_LENGTH);
      return ['hard-bounced', `hard:%s:${outcome.reason}`, outcome.dcid, outcome.reason, response];
    }
    case 'deleted':
      return ['deleted', 'deleted:%s', 0, '', ''];
  }
}

/** The ledger in Redis. Every method rejects when Redis does not answer in the connection's command time. */
export function createLedger(redis: RedisClient, keys: RedisKeys, options: LedgerOptions): Ledger {
  const { now } = options;
  const trackingMs = options.trackingHours * 3600 * 1000;
  const names = new Map<string, string>();
  /** Runs a script by its hash, which ioredis sends in full where the server does not know it. */
  const run = async (script: string, ...args: (string | number)[]): Promise<unknown> => {
    let name = names.get(script);
    if (name === undefined) {
      name = `tdc${hashOf(script).slice(0, 12)}`;
      names.set(script, name);
      redis.defineCommand(name, { numberOfKeys: 1, lua: script });
    }
    const command = (redis as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name];
    return command?.call(redis, keys.counters, keys.prefix, ...args);
  };
  const recordOnce = createCallMemory();
  const jobs = (answer: unknown): readonly JournalCopy[] => (answer as string[]).map(parseJob);
  const load = async (mids: readonly (number | string)[]): Promise<readonly TrackedCopy[]> => {
    const records = await Promise.all(mids.map((mid) => redis.hgetall(`${keys.prefix}:copy:${mid}`)));
    return records.flatMap((record) => toTrackedCopy(record) ?? []);
  };

  return {
    async commit({ enqueue, skipped }) {
      const copies = enqueue.flatMap((copy) => [
        JSON.stringify(copy),
        copy.messageIdHeader === '' ? '' : hashOf(copy.messageIdHeader),
      ]);
      try {
        await run(scripts.COMMIT, now(), trackingMs, JSON.stringify(skipped), ...copies);
      } catch (error) {
        const taken = error instanceof Error && error.message.startsWith('TAKEN ');
        throw taken ? new MidTakenError(error.message, { cause: error }) : error;
      }
    },
    async confirmQueued(mids) {
      if (mids.length > 0) await redis.zrem(keys.unqueued, ...mids);
    },
    async withdraw(mids) {
      if (mids.length > 0) await run(scripts.WITHDRAW, ...mids);
    },
    async beginAttempt(mid, leaseUntil) {
      const attempts = Number(await run(scripts.BEGIN_ATTEMPT, mid, leaseUntil));
      return attempts < 0 ? { kind: 'finished' } : { kind: 'go', finishedAttempts: attempts };
    },
    async releaseAttempt(mid) {
      await run(scripts.RELEASE_ATTEMPT, mid);
    },
    softBounce(mid, bounce) {
      const { attempt, dcid, reason } = bounce;
      const response = bounce.response.slice(0, MAX_RESPONSE_LENGTH);
      return recordOnce(`${mid} soft bounce ${attempt} ${dcid} ${reason}`, (call) =>
        run(scripts.SOFT_BOUNCE, mid, call, attempt, dcid, reason, response),
      );
    },
    finish(mid, outcome) {
      const values = finishArguments(outcome);
      return recordOnce(`${mid} ${values.join(' ')}`, (call) =>
        run(scripts.FINISH, mid, call, now(), trackingMs, ...values),
      );
    },
    expired: async (at, limit) => jobs(await run(scripts.EXPIRED, at, limit)),
    orphans: async (before, limit) => jobs(await run(scripts.ORPHANS, before, limit)),
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
      Number(await run(scripts.TRIM, keepFrom, maxCopies, TRIM_BATCH)),
    async track(query) {
      if ('mid' in query) return load([query.mid]);
      const mids = await redis.smembers(keys.messageId(hashOf(query.messageIdHeader)));
      return load(mids.sort(byNumber).slice(-MAX_TRACKED));
    },
  };
}

const byNumber = (a: string, b: string): number => Number(a) - Number(b);

/**
 * Makes a call that was rejected, and so took effect or not, the same call when it is made again: whoever recorded a
 * bounce or an outcome is told so in the end, and can log it. `what` names all that the call records.
 */
function createCallMemory() {
  const unanswered = new Map<string, string>();
  return async (what: string, record: (call: string) => Promise<unknown>): Promise<boolean> => {
    const call = unanswered.get(what) ?? randomUUID();
    unanswered.delete(what);
    try {
      return (await record(call)) === 1;
    } catch (error) {
      const [oldest] = unanswered.keys();
      if (unanswered.size >= MAX_UNANSWERED && oldest !== undefined) unanswered.delete(oldest);
      unanswered.set(what, call);
      throw error;
    }
  };
}
