import { ConfigError } from '../process/config-error.ts';
import { errorText } from '../process/error-text.ts';
import type { Logger } from '../process/logger.ts';
import { pause } from '../process/waiting.ts';
import { checkRedisServer } from './check-server.ts';
import { closeRedis, connectRedis, isRedisReady, type RedisClient, whenRedisReady } from './connect.ts';
import { createRedisKeys, type RedisKeys } from './keys.ts';
import { describeRedis, type RedisSettings, standaloneRedis } from './settings.ts';

/** A connection with its state in the log, and the server's fitness checked whenever it may be another server. */
export interface RedisLink {
  readonly client: RedisClient;
  /** Whether the server that holds our keys answers, and is fit to hold mail as far as is known. */
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
/** How often a Cluster is asked for one of our keys. */
const PROBE_MS = 500;
/** How often a server that was found unfit is looked at again. */
const UNFIT_MS = 5000;
/** What a server says to a client that takes it for a Cluster. */
const NO_CLUSTER = /cluster support disabled/;

/** Opens a connection in the background. One line is logged when Redis is lost and one when it is back. */
export function createRedisLink(server: string | RedisSettings, options: RedisLinkOptions): RedisLink {
  const settings = typeof server === 'string' ? standaloneRedis(server) : server;
  const keys = createRedisKeys(settings.keyPrefix);
  const state = createLinkState(describeRedis(settings), options);
  const isCluster = settings.mode === 'cluster';
  const closing = new AbortController();
  const noCluster = new AbortController();
  let isChecked = false;
  const client = connectRedis(settings, {
    role: options.role,
    onError(message) {
      if (NO_CLUSTER.test(message)) noCluster.abort();
      state.lost(message);
    },
    onReady() {
      // That nodes of a Cluster are there does not tell that it answers for our keys.
      if (!isCluster) state.back();
      // After a failover this is another server, and nobody has looked at it yet.
      if (isChecked && options.silent !== true) void keepFit(client, keys, state, closing.signal);
    },
  });
  if (isCluster) void watchCluster(client, keys, state, closing.signal);

  return {
    client,
    isReady: () => isRedisReady(client) && state.isFit() && (!isCluster || state.isBack()),
    async whenUsable(signal) {
      const waiting = AbortSignal.any([signal, noCluster.signal]);
      while (await whenRedisReady(client, waiting)) {
        const problems = await checkRedisServer(client, keys).catch((error: Error) =>
          state.lost(errorText(error)),
        );
        if (problems?.length === 0) {
          isChecked = true;
          state.back();
          return true;
        }
        if (problems !== undefined) throw new ConfigError(problems);
        // Redis went away before it answered, or is no primary yet: once more.
        await pause(RECHECK_MS, waiting);
      }
      if (signal.aborted) return false;
      throw new ConfigError(['this Redis is no Cluster: set TDC_REDIS_MODE=standalone, or sentinel']);
    },
    close() {
      closing.abort();
      return closeRedis(client);
    },
  };
}

/** What is known of the server, each change told to the log once. */
function createLinkState(name: string, { log, silent = false }: RedisLinkOptions) {
  let isBack = false;
  let wasLost = false;
  let unfit: readonly string[] = [];
  return {
    isBack: () => isBack,
    isFit: () => unfit.length === 0,
    lost(message: string): undefined {
      if (!wasLost && !silent) log.notice('warning', 'redis-lost', `${name} does not answer: ${message}`);
      wasLost = true;
      isBack = false;
    },
    back(): void {
      if (!isBack && !silent) log.notice('info', 'redis-ready', `${name} is ${wasLost ? 'back' : 'ready'}`);
      wasLost = false;
      isBack = true;
    },
    checked(problems: readonly string[]): void {
      if (problems.length > 0 && unfit.length === 0)
        log.notice('critical', 'redis-unfit', `${name} is not fit to hold mail: ${problems.join('; ')}`);
      if (problems.length === 0 && unfit.length > 0) log.notice('info', 'redis-fit', `${name} is fit again`);
      unfit = problems;
    },
  };
}

type LinkState = ReturnType<typeof createLinkState>;

/** Looks at the server, and again until it is fit. */
async function keepFit(
  client: RedisClient,
  keys: RedisKeys,
  state: LinkState,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const problems = await checkRedisServer(client, keys).catch(() => undefined);
    if (problems === undefined) return;
    state.checked(problems);
    if (problems.length === 0) return;
    await pause(UNFIT_MS, signal);
  }
}

/** Follows whether a Cluster answers for our keys: a part of it may be down, and no connection tells. */
async function watchCluster(
  client: RedisClient,
  keys: RedisKeys,
  state: LinkState,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && (await whenRedisReady(client, signal))) {
    try {
      await client.exists(keys.active);
      if (!signal.aborted) state.back();
    } catch (error) {
      if (!signal.aborted) state.lost(errorText(error));
    }
    await pause(PROBE_MS, signal);
  }
}
