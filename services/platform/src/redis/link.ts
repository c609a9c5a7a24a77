import { ConfigError } from '../process/config-error.ts';
import type { Logger } from '../process/logger.ts';
import { pause } from '../process/waiting.ts';
import { checkRedisServer } from './check-server.ts';
import { closeRedis, connectRedis, isRedisReady, type RedisClient, whenRedisReady } from './connect.ts';
import { describeRedis, type RedisSettings, standaloneRedis } from './settings.ts';

/** A connection with its state in the log, and the server's fitness checked once. */
export interface RedisLink {
  readonly client: RedisClient;
  isReady(): boolean;
  /**
   * Resolves when the server has answered and is fit to hold mail; waits as long as it takes, or until the abort.
   * False after an abort. Rejects with a {@link ConfigError} when the server is not fit.
   */
  whenUsable(signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

export interface RedisLinkOptions {
  readonly role: 'command' | 'blocking';
  readonly log: Logger;
  /** Of several links of one process, the one that logs the state. */
  readonly silent?: boolean;
}

const RECHECK_MS = 100;

/** Opens a connection in the background. One line is logged when Redis is lost and one when it is back. */
export function createRedisLink(server: string | RedisSettings, options: RedisLinkOptions): RedisLink {
  const { log, role, silent = false } = options;
  const settings = typeof server === 'string' ? standaloneRedis(server) : server;
  const name = describeRedis(settings);
  let lost = false;
  const client = connectRedis(settings, {
    role,
    onError(message) {
      if (!lost && !silent) {
        log.notice('warning', 'redis-lost', `${name} does not answer: ${message}`);
      }
      lost = true;
    },
    onReady() {
      if (!silent) log.notice('info', 'redis-ready', `${name} is ${lost ? 'back' : 'ready'}`);
      lost = false;
    },
  });
  return {
    client,
    isReady: () => isRedisReady(client),
    async whenUsable(signal) {
      while (await whenRedisReady(client, signal)) {
        const problems = await checkRedisServer(client).catch(() => undefined);
        if (problems?.length === 0) return true;
        if (problems !== undefined) throw new ConfigError(problems);
        // Redis went away before it answered: wait for it once more.
        await pause(RECHECK_MS, signal);
      }
      return false;
    },
    close: () => closeRedis(client),
  };
}
