import { type Icid, type Mid, toIcid, toMid } from '@tdc/core';
import {
  ConfigError,
  createIdSequence,
  createJournalIds,
  createJournalQueue,
  createLedger,
  createMemoryGate,
  createRedisKeys,
  createRedisLink,
  createReplicaBarrier,
  createSpool,
  groupEnqueue,
  type JournalQueue,
  type Logger,
  loadJournalIdSecret,
  type MemoryGate,
  NO_BARRIER,
  pause,
  SHORT_BODY_BYTES,
} from '@tdc/platform';
import type { IntakeConfig } from './config.ts';
import type { Storage } from './ports.ts';

/** Everything of intake that lives in Redis. */
export interface RedisStorage {
  /** The stores; undefined while Redis is away, or was never there. */
  current(): Storage | undefined;
  isFull(): boolean;
  /** Whether there is room for so many octets more; true while that is not known. */
  hasRoom(bytes: number): boolean;
  /** Octets that were stored. */
  stored(bytes: number): void;
  /** Looks how much room there is. */
  look(): Promise<void>;
  /** So many MIDs; undefined when Redis does not give them soon. */
  takeMids(count: number): Promise<readonly Mid[] | undefined>;
  nextIcid(): Icid | undefined;
  /** Resolves when the stores can be used; rejects with ConfigError when Redis is not fit. */
  readonly opened: Promise<void>;
  close(): Promise<void>;
}

/** A body outlives its copy, for the attempt that was under way at the deadline. */
const SPOOL_SLACK_SECONDS = 60;
const REOPEN_MS = 500;
const MIDS_WAIT_MS = 2000;
const REPLICAS_WAIT_MS = 1000;
/** Nobody waits for a confirmation, and an attempt makes it needless. */
const CONFIRM_GATHER_MS = 500;

/** Opens the stores in the background; they come and go with Redis, without a restart. */
export function openStorage(config: IntakeConfig, log: Logger, now: () => number): RedisStorage {
  const keys = createRedisKeys(config.redis.keyPrefix);
  const commands = createRedisLink(config.redis, { role: 'command', log });
  // Bodies have a connection of their own: a large one must not stand in front of the answers of small commands.
  const bodies = createRedisLink(config.redis, { role: 'command', log, silent: true });
  // Replicas are waited for apart from everything else, which would wait as well.
  const { redisMinReplicasAck: replicas } = config;
  const acks =
    replicas > 0 ? createRedisLink(config.redis, { role: 'command', log, silent: true }) : undefined;
  const links = [commands, bodies, ...(acks === undefined ? [] : [acks])];
  const mids = createIdSequence(commands.client, keys.sequence('mid'));
  const icids = createIdSequence(commands.client, keys.sequence('icid'));
  const closing = new AbortController();
  const bodySeconds = config.maxQueueAgeSeconds + SPOOL_SLACK_SECONDS;
  let storage: Storage | undefined;
  let queue: JournalQueue | undefined;
  let gate: MemoryGate | undefined;

  const openOnce = async (): Promise<void> => {
    if (!(await commands.whenUsable(closing.signal)) || !(await mids.ready(closing.signal))) return;
    await icids.ready(closing.signal);
    const secret = await loadJournalIdSecret(commands.client, keys.journalIdSecret);
    const jobs = await createJournalQueue(commands.client, {
      prefix: keys.prefix,
      onError: (message) => log.notice('debug', 'queue-error', message),
    });
    queue = jobs;
    const ledger = createLedger(commands.client, keys, {
      now,
      trackingHours: config.trackingHours,
      bodySeconds,
      confirmGatherMs: CONFIRM_GATHER_MS,
    });
    storage = {
      spool: createSpool(bodies.client, keys, { ttlSeconds: bodySeconds, shortBytes: SHORT_BODY_BYTES }),
      ledger,
      enqueue: groupEnqueue(
        {
          add(groups) {
            // Delivery logs next.
            log.flush();
            return jobs.add(groups);
          },
        },
        () => ledger.nextCommits(),
      ),
      replicas:
        acks === undefined
          ? NO_BARRIER
          : createReplicaBarrier(acks.client, keys, { replicas, timeoutMs: REPLICAS_WAIT_MS }),
      journalIds: createJournalIds(secret),
    };
    gate = createMemoryGate(commands.client, keys, config.redisMaxMemoryPercent);
  };
  /** Redis may go away again between two steps: then all over. */
  const open = async (): Promise<void> => {
    while (storage === undefined && !closing.signal.aborted) {
      try {
        await openOnce();
      } catch (error) {
        if (error instanceof ConfigError) throw error;
        log.notice('debug', 'storage-not-opened', `the stores are not open yet: ${String(error)}`);
        await pause(REOPEN_MS, closing.signal);
      }
    }
  };

  return {
    current: () => (links.every((link) => link.isReady()) ? storage : undefined),
    isFull: () => gate?.isClosed() ?? false,
    hasRoom: (bytes) => gate?.hasRoom(bytes) ?? true,
    stored: (bytes) => gate?.stored(bytes),
    look: async () => gate?.measure(),
    async takeMids(count) {
      const taken: Mid[] = [];
      while (taken.length < count) {
        const value = mids.next();
        if (value !== undefined) taken.push(toMid(value));
        else if (!(await mids.ready(AbortSignal.timeout(MIDS_WAIT_MS)))) return undefined;
      }
      return taken;
    },
    nextIcid: () => {
      const value = icids.next();
      return value === undefined ? undefined : toIcid(value);
    },
    opened: open(),
    async close() {
      closing.abort();
      gate?.stop();
      await queue?.close().catch(() => undefined);
      await Promise.all(links.map((link) => link.close()));
    },
  };
}
