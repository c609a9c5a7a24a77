import { Redis, type RedisOptions } from 'ioredis';

/** A Redis connection of ours; services hold it, only this package knows the library behind it. */
export type RedisClient = Redis;

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

/** The URL with its passwords masked, fit for logs. */
export function redactRedisUrl(url: string): string {
  // Up to the last @: a password that was not percent-encoded may hold any character.
  return url
    .replace(/^(rediss?:\/\/[^:@/]*):.*@/, '$1:***@')
    .replace(/([?&][a-z]*password=)[^&]*/gi, '$1***');
}

/**
 * Opens a connection in the background; commands before it is ready fail at once in the `command` role. `url` is
 * `redis://`, `rediss://` (TLS, the system's authorities) or the path of a Unix socket, with or without `unix:`.
 */
export function connectRedis(url: string, options: RedisConnectionOptions): RedisClient {
  const commandMs = (options.commandTimeoutSeconds ?? COMMAND_TIMEOUT_SECONDS) * 1000;
  const common: RedisOptions = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A host that died without a word leaves a connection that looks alive: give it up, and look where Redis is now.
    socketTimeout: options.role === 'command' ? 2 * commandMs : BLOCKING_SILENCE_MS,
    retryStrategy: (attempt) => Math.min(100 * attempt, MAX_RECONNECT_DELAY_MS),
    // After a failover the old primary answers READONLY: connect anew and send the command again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    ...(url.startsWith('rediss://') ? { tls: {} } : {}),
  };
  const byRole: RedisOptions =
    options.role === 'command'
      ? {
          enableOfflineQueue: false,
          maxRetriesPerRequest: 1,
          commandTimeout: commandMs,
        }
      : { maxRetriesPerRequest: null };
  const redis: RedisClient = new Redis<'legacy'>(url, { ...common, ...byRole, replyMapping: 'legacy' });
  redis.on('error', (error: Error) => options.onError?.(error.message));
  redis.on('ready', () => options.onReady?.());
  return redis;
}

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
  if (!isRedisReady(redis)) return redis.disconnect();
  const timer = setTimeout(() => redis.disconnect(), QUIT_MS);
  try {
    await redis.quit();
  } catch {
    redis.disconnect();
  } finally {
    clearTimeout(timer);
  }
}
