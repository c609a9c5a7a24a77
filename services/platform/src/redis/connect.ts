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

/** The URL with its password masked, fit for logs. */
export function redactRedisUrl(url: string): string {
  return url.replace(/^(rediss?:\/\/[^:@/]*):[^@/]*@/, '$1:***@');
}

/** Opens a connection in the background; commands before it is ready fail at once in the `command` role. */
export function connectRedis(url: string, options: RedisConnectionOptions): RedisClient {
  const common: RedisOptions = {
    connectTimeout: CONNECT_TIMEOUT_MS,
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
          commandTimeout: (options.commandTimeoutSeconds ?? 5) * 1000,
        }
      : { maxRetriesPerRequest: null };
  const redis: RedisClient = new Redis<'legacy'>(url, { ...common, ...byRole, replyMapping: 'legacy' });
  redis.on('error', (error: Error) => options.onError?.(error.message));
  redis.on('ready', () => options.onReady?.());
  return redis;
}

export const isRedisReady = (redis: RedisClient): boolean => redis.status === 'ready';

/**
 * Waits until Redis answers, at most until `deadline` (ms since the epoch; none: for ever) or the abort.
 * False when it did not come up.
 */
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

/** Closes a connection politely, or at once when Redis does not answer. */
export async function closeRedis(redis: RedisClient): Promise<void> {
  if (!isRedisReady(redis)) return redis.disconnect();
  try {
    await redis.quit();
  } catch {
    redis.disconnect();
  }
}
