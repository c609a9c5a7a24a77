import type { Mid } from '@tdc/core';

/**
 * Every key family, its type and its life. All names share one hash tag, so that a Redis Cluster keeps them in one slot
 * and a script may touch several. Times in scores are milliseconds since the epoch.
 */
export interface RedisKeys {
  /** The prefix itself, which BullMQ puts before the names of its own keys. */
  readonly prefix: string;
  /** string, counter: the last number given out. Lives for ever. */
  readonly sequence: (name: 'mid' | 'icid' | 'dcid') => string;
  /**
   * A message as received: a string of a short one, else a hash of its chunks by number and `begun`. Lives as long as its
   * copy may, and a minute more.
   */
  readonly spool: (mid: Mid) => string;
  /** hash: what is known of one copy, with its job. Lives while active, then as tracking. */
  readonly copy: (mid: Mid) => string;
  /** zset MID → deadline: the copies without an outcome. */
  readonly active: string;
  /** zset MID → end of lease: the copies that a worker is attempting. */
  readonly attempting: string;
  /** zset MID → time of the next attempt: the copies that have failed and wait for it. */
  readonly later: string;
  /** zset MID → time of commit: copies whose job was not confirmed. */
  readonly unqueued: string;
  /** zset MID → time of enqueueing, per intake: the oldest active copy is its first member. */
  readonly oldest: (intake: string) => string;
  /** hash: the durable counters. Lives for ever. */
  readonly counters: string;
  /** zset MID → time of enqueueing: what tracking still knows, trimmed by age and number. */
  readonly tracking: string;
  /** string: the MIDs of a Message-ID, by its hash, with blanks between them. Lives as long as tracking. */
  readonly midsOf: (sha256: string) => string;
  /** zset worker/DCID → end of lease: open connections of all workers. */
  readonly connections: (intake: string) => string;
  /** zset worker → time: which workers the destination served lately. Lives until a minute after that. */
  readonly served: (intake: string) => string;
  /** hash, fields in JSON: what delivery last learned about a destination. Lives until a month after that. */
  readonly host: (intake: string) => string;
  /** string, counter, and hash SHA-256 → revision: the numbers of policy documents. Live for ever. */
  readonly policyRevision: string;
  readonly policyRevisions: string;
  /** string: written before replicas are waited for; holds nothing. Lives for ever. */
  readonly barrier: string;
  /** string: the key under which journal ids are signed. Lives for ever. */
  readonly journalIdSecret: string;
}

export const DEFAULT_KEY_PREFIX = '{tdc}';

export function createRedisKeys(prefix: string = DEFAULT_KEY_PREFIX): RedisKeys {
  const key = (...parts: readonly (string | number)[]): string => [prefix, ...parts].join(':');
  return {
    prefix,
    sequence: (name) => key('seq', name),
    spool: (mid) => key('spool', mid),
    copy: (mid) => key('copy', mid),
    active: key('active'),
    attempting: key('attempting'),
    later: key('later'),
    unqueued: key('unqueued'),
    oldest: (intake) => key('oldest', intake),
    counters: key('counters'),
    tracking: key('tracking'),
    midsOf: (sha256) => key('mids-of', sha256),
    connections: (intake) => key('connections', intake),
    served: (intake) => key('served', intake),
    host: (intake) => key('host', intake),
    policyRevision: key('policy', 'revision'),
    policyRevisions: key('policy', 'revisions'),
    barrier: key('barrier'),
    journalIdSecret: key('journal-id-secret'),
  };
}
