import {
  createConnectionCeiling,
  createHostStore,
  createJournalQueue,
  createLedger,
  createRedisKeys,
  createRedisLink,
  type JournalQueue,
  type Ledger,
  type Logger,
  readRedisServerStatus,
} from '@tdc/platform';
import type { MonitorConfig } from './config.ts';
import type { ViewPorts } from './ports.ts';

/** Everything of the monitor that lives in Redis. */
export interface MonitorStorage {
  readonly ledger: Ledger;
  /** What the views read. Until the stores are open, and whenever Redis is away, every call rejects. */
  readonly reads: Pick<ViewPorts, 'ledger' | 'server' | 'connections' | 'hosts'>;
  /**
   * Waits for Redis as long as it takes, or until the abort (then undefined). Rejects with ConfigError when Redis is not
   * fit to hold mail.
   */
  open(signal: AbortSignal): Promise<JournalQueue | undefined>;
  /** Whether the stores are open and Redis answers. */
  isReady(): boolean;
  close(): Promise<void>;
}

/** Connects in the background. */
export function createStorage(config: MonitorConfig, log: Logger, now: () => number): MonitorStorage {
  const keys = createRedisKeys(config.redis.keyPrefix);
  const redis = createRedisLink(config.redis, { role: 'command', log });
  const ledger = createLedger(redis.client, keys, { now, trackingHours: config.trackingHours });
  const ceiling = createConnectionCeiling(redis.client, keys, { worker: 'monitor', now });
  const hosts = createHostStore(redis.client, keys);
  let queue: JournalQueue | undefined;
  return {
    ledger,
    reads: {
      ledger,
      server: () => readRedisServerStatus(redis.client, keys),
      connections: (intake) => ceiling.count(intake),
      hosts: (intakes) => hosts.load(intakes),
    },
    async open(signal) {
      if (!(await redis.whenUsable(signal))) return undefined;
      queue = await createJournalQueue(redis.client, {
        prefix: keys.prefix,
        onError: (message) => log.notice('debug', 'queue-error', message),
      });
      return queue;
    },
    isReady: () => queue !== undefined && redis.isReady(),
    async close() {
      await queue?.close().catch(() => undefined);
      await redis.close();
    },
  };
}
