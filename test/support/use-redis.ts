import { after, before, beforeEach } from 'node:test';
import {
  closeRedis,
  connectRedis,
  type RedisClient,
  type RedisConnectionOptions,
  whenRedisReady,
} from '@tdc/platform';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import { waitUntil } from './wait-until.ts';

/** The Redis of one test file: a server of its own, emptied before each test. */
export interface RedisOfFile {
  readonly server: RedisServer;
  /** A ready connection of the `command` role. */
  readonly client: RedisClient;
  /** Another connection, closed with the file. */
  open(options?: Partial<RedisConnectionOptions>): RedisClient;
  /** Another connection, ready. */
  connect(options?: Partial<RedisConnectionOptions>): Promise<RedisClient>;
}

const READY_MS = 10_000;

/** Starts a server for the tests of this file and removes it behind them; to be called once, at the top. */
export function useRedis(args: readonly string[] = []): RedisOfFile {
  const clients: RedisClient[] = [];
  let server: RedisServer | undefined;
  const running = (): RedisServer => server ?? neverStarted();
  const open: RedisOfFile['open'] = (options = {}) => {
    const client = connectRedis(running().url, { role: 'command', ...options });
    clients.push(client);
    return client;
  };
  const connect: RedisOfFile['connect'] = async (options) => {
    const client = open(options);
    if (!(await whenRedisReady(client, AbortSignal.timeout(READY_MS))))
      throw new Error('Redis did not come up');
    return client;
  };
  before(async () => {
    server = await startRedisServer(args);
    await connect();
  });
  // A test may have stopped and started the server: this connection comes back by itself, in its own time.
  beforeEach(async () => {
    await waitUntil(() => clients[0]?.flushall(), { what: 'Redis emptied' });
  });
  after(async () => {
    await Promise.all(clients.map(closeRedis));
    await server?.remove();
  });
  return {
    get server() {
      return running();
    },
    get client() {
      return clients[0] ?? neverStarted();
    },
    open,
    connect,
  };
}

function neverStarted(): never {
  throw new Error('the server runs from the first test on');
}
