import { type Icid, type Mid, toIcid, toMid } from '@tdc/core';
import {
  createIdSequence,
  createJournalIds,
  createJournalQueue,
  createLedger,
  createMemoryGate,
  createRedisKeys,
  createRedisLink,
  createSpool,
  type Logger,
  loadJournalIdSecret,
  type MemoryGate,
} from '@tdc/platform';
import type { IntakeConfig } from './config.ts';
import type { Storage } from './ports.ts';

/** Everything of intake that lives in Redis. */
export interface RedisStorage {
  /** The stores; undefined while Redis is away, or was never there. */
  current(): Storage | undefined;
  isFull(): boolean;
  nextMid(): Mid | undefined;
  nextIcid(): Icid | undefined;
  /** Resolves when the stores can be used; rejects with ConfigError when Redis is not fit. */
  readonly opened: Promise<void>;
  close(): Promise<void>;
}

/** A body outlives its copy, for the attempt that was under way at the deadline. */
const SPOOL_SLACK_SECONDS = 60;

/** Opens the stores in the background; they come and go with Redis, without a restart. */
export function openStorage(config: IntakeConfig, log: Logger, now: () => number): RedisStorage {
  const keys = createRedisKeys(config.redisKeyPrefix);
  const commands = createRedisLink(config.redisUrl, { role: 'command', log });
  // Bodies have a connection of their own: a large one must not stand in front of the answers of small commands.
  const bodies = createRedisLink(config.redisUrl, { role: 'command', log, silent: true });
  const mids = createIdSequence(commands.client, keys.sequence('mid'));
  const icids = createIdSequence(commands.client, keys.sequence('icid'));
  const closing = new AbortController();
  let storage: Storage | undefined;
  let gate: MemoryGate | undefined;

  const open = async (): Promise<void> => {
    if (!(await commands.whenUsable(closing.signal)) || !(await mids.ready(closing.signal))) return;
    await icids.ready(closing.signal);
    const secret = await loadJournalIdSecret(commands.client, keys.journalIdSecret);
    gate = createMemoryGate(commands.client, config.redisMaxMemoryPercent);
    storage = {
      spool: createSpool(bodies.client, keys, {
        ttlSeconds: config.maxQueueAgeSeconds + SPOOL_SLACK_SECONDS,
      }),
      ledger: createLedger(commands.client, keys, { now, trackingHours: config.trackingHours }),
      queue: await createJournalQueue(commands.client, {
        prefix: keys.prefix,
        onError: (message) => log.notice('debug', 'queue-error', message),
      }),
      journalIds: createJournalIds(secret),
    };
  };

  return {
    current: () => (commands.isReady() && bodies.isReady() ? storage : undefined),
    isFull: () => gate?.isClosed() ?? false,
    nextMid: () => {
      const value = mids.next();
      return value === undefined ? undefined : toMid(value);
    },
    nextIcid: () => {
      const value = icids.next();
      return value === undefined ? undefined : toIcid(value);
    },
    opened: open(),
    async close() {
      closing.abort();
      gate?.stop();
      await storage?.queue.close().catch(() => undefined);
      await Promise.all([commands.close(), bodies.close()]);
    },
  };
}
