import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { errorText } from '../process/error-text.ts';
import { createCredentials } from './credentials.ts';
import { type RedisSettings, standaloneRedis } from './settings.ts';

/** A Redis connection of ours; services hold it, only this package knows the library behind it. */
export type RedisClient = Redis | Cluster;

export interface RedisConnectionOptions {
  /**
   * `command`: answers fast or fails (no offline queue, deadline on every command), for whoever has a caller waiting.
   * `blocking`: waits for Redis as long as it takes, for queue workers, which have nothing else to do.
   */
  readonly role: 'command' | 'blocking';
  /** Called when the connection is lost or fails to come up, with a text that holds no secret. */
  readonly onError?: (message: string) => void;
  /** Called each time the connection is ready. */
  readonly onReady?: () => void;
  /** Deadline of one command, seconds; 5 by default. Only for `command`. */
  readonly commandTimeoutSeconds?: number;
}

const MAX_RECONNECT_DELAY_MS = 1000;
const CONNECT_TIMEOUT_MS = 5000;
const COMMAND_TIMEOUT_SECONDS = 5;
/** A worker's longest command waits 10 s for jobs; a server that is silent for longer is gone. */
const BLOCKING_SILENCE_MS = 20_000;
/** What a polite farewell may take. */
const QUIT_MS = 1000;
/** A Sentinel that does not answer is passed over, and a node of a Cluster when it is asked who has which slot. */
const LOOKUP_MS = 2000;
/** A Cluster whose nodes do not agree yet sends a command back and forth. */
const MOVED_DELAY_MS = 50;

/**
 * What a server says that is no primary any more, or not yet: after a failover the old one is a replica, and says so
 * to whoever is still connected. Connecting anew finds the right one.
 */
const NOT_THE_PRIMARY = /^(READONLY|MASTERDOWN|LOADING|UNBLOCKED) /;

const reconnectDelay = (attempt: number): number => Math.min(100 * attempt, MAX_RECONNECT_DELAY_MS);

/**
 * Opens a connection in the background; commands before it is ready fail at once in the `command` role. A text is the
 * URL of a single server: `redis://`, `rediss://` (TLS) or the path of a Unix socket, with or without `unix:`.
 */
export function connectRedis(server: string | RedisSettings, options: RedisConnectionOptions): RedisClient {
  const redis = openClient(typeof server === 'string' ? standaloneRedis(server) : server, options);
  redis.on('error', (error: Error) => options.onError?.(errorText(error)));
  // What a Sentinel or a node of a Cluster said, which the error of the whole does not repeat.
  redis.on('sentinelError', (error: Error) => options.onError?.(errorText(error)));
  redis.on('node error', (error: Error) => {
    if (!isRedisReady(redis)) options.onError?.(errorText(error));
  });
  redis.on('ready', () => options.onReady?.());
  return redis;
}

function openClient(settings: RedisSettings, options: RedisConnectionOptions): RedisClient {
  const credentials = createCredentials(settings);
  const isCommand = options.role === 'command';
  const commandMs = (options.commandTimeoutSeconds ?? COMMAND_TIMEOUT_SECONDS) * 1000;
  const node: RedisOptions & { readonly replyMapping: 'legacy' } = {
    ...credentials.options,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A host that died without a word leaves a connection that looks alive: give it up, and look where Redis is now.
    socketTimeout: isCommand ? 2 * commandMs : BLOCKING_SILENCE_MS,
    ...(isCommand ? { maxRetriesPerRequest: 1, commandTimeout: commandMs } : { maxRetriesPerRequest: null }),
    // Who may do as little as possible may not do this.
    disableClientInfo: true,
    replyMapping: 'legacy',
  };
  if (settings.mode === 'cluster') {
    return credentials.follow(new Cluster([...settings.nodes], clusterOptions(node, isCommand)));
  }
  const single = {
    ...node,
    enableOfflineQueue: !isCommand,
    retryStrategy: reconnectDelay,
    reconnectOnError: (error: Error): 2 | false => (NOT_THE_PRIMARY.test(error.message) ? 2 : false),
  };
  if (settings.mode === 'standalone') {
    const { url, database } = settings;
    return credentials.follow(
      new Redis<'legacy'>(url, { ...single, ...(database === undefined ? {} : { db: database }) }),
    );
  }
  return credentials.follow(
    new Redis<'legacy'>({
      ...single,
      ...credentials.sentinelOptions,
      sentinels: settings.sentinels.map(({ host, port }) => ({ host, port })),
      name: settings.master,
      db: settings.database,
      sentinelRetryStrategy: reconnectDelay,
      // No `failoverDetector`: its connections to the Sentinels outlive the client, and write to standard error.
      sentinelCommandTimeout: LOOKUP_MS,
    }),
  );
}

/** A command waits for a Cluster that sorts itself out: two seconds in the `command` role, else as long as it takes. */
const clusterOptions = (
  node: RedisOptions & { readonly replyMapping: 'legacy' },
  isCommand: boolean,
): ClusterOptions & { readonly redisOptions: { readonly replyMapping: 'legacy' } } => ({
  redisOptions: node,
  enableOfflineQueue: !isCommand,
  ...(isCommand ? {} : { maxRedirections: Number.MAX_SAFE_INTEGER }),
  clusterRetryStrategy: reconnectDelay,
  slotsRefreshTimeout: LOOKUP_MS,
  retryDelayOnMoved: MOVED_DELAY_MS,
  scaleReads: 'master',
  // Names stay names, or no certificate would fit.
  dnsLookup: (name, answer) => answer(null, name),
});

export const isRedisReady = (redis: RedisClient): boolean => redis.status === 'ready';

/** Waits until Redis answers, for as long as it takes. False when `signal` aborted first. */
export function whenRedisReady(redis: RedisClient, signal: AbortSignal): Promise<boolean> {
  if (isRedisReady(redis)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (ready: boolean) => {
      redis.off('ready', onReady);
      signal.removeEventListener('abort', onAbort);
      resolve(ready);
    };
    const onReady = () => settle(true);
    const onAbort = () => settle(false);
    redis.on('ready', onReady);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}

/** Closes a connection politely, or at once when Redis does not answer. Never rejects. */
export async function closeRedis(redis: RedisClient): Promise<void> {
  if (redis.status === 'end') return;
  // A Cluster's client would connect to nodes that it never needed, only to take leave of them.
  if (!isRedisReady(redis) || redis instanceof Cluster) return redis.disconnect();
  const timer = setTimeout(() => redis.disconnect(), QUIT_MS);
  try {
    await redis.quit();
  } catch {
    redis.disconnect();
  } finally {
    clearTimeout(timer);
  }
}
