import type { RedisSettings } from '@tdc/platform';
import { freePort } from '../../deploy/local/ports.ts';
import { type RedisNode, type RedisNodeOptions, startRedisNode } from './redis-node.ts';
import { waitUntil } from './wait-until.ts';

/** The name that the Sentinels give the primary. */
export const MASTER = 'mail';

/** A primary, its replica and three Sentinels. */
export interface SentinelGround {
  readonly settings: Extract<RedisSettings, { readonly mode: 'sentinel' }>;
  /** What a process is started with. */
  readonly environment: Readonly<Record<string, string>>;
  readonly nodes: readonly RedisNode[];
  readonly sentinels: readonly RedisNode[];
  /** The one that the Sentinels take for the primary. */
  primary(): RedisNode;
  replica(): RedisNode;
  /** Tells a Sentinel to fail over, as for maintenance, and waits until the other one is the primary. */
  failover(): Promise<void>;
  /** Waits until the primary has its replica. */
  whole(): Promise<void>;
  remove(): Promise<void>;
}

export interface SentinelGroundOptions {
  /** Address to listen on; 127.0.0.1 by default. */
  readonly host?: string;
  /** The ports take TLS alone; `config` says with what. */
  readonly tls?: boolean;
  readonly config?: readonly string[];
  readonly sentinelConfig?: readonly string[];
  readonly access?: readonly string[];
}

/** Starts them on free ports. A primary that is silent for a second is down. */
export async function startSentinelGround(options: SentinelGroundOptions = {}): Promise<SentinelGround> {
  const { host = '127.0.0.1', config = [], sentinelConfig = [], access = [] } = options;
  const node = (port: number, more: readonly string[] = []): RedisNodeOptions => ({
    port,
    host,
    access,
    tls: options.tls === true,
    config: ['repl-diskless-sync-delay 0', 'repl-ping-replica-period 1', ...config, ...more],
  });
  const primaryPort = await freePort();
  const first = await startRedisNode(node(primaryPort));
  const second = await startRedisNode(node(await freePort(), [`replicaof ${host} ${primaryPort}`]));
  const nodes = [first, second];
  const sentinels: RedisNode[] = [];
  for (let n = 0; n < 3; n += 1) {
    sentinels.push(
      await startRedisNode({
        port: await freePort(),
        host,
        sentinel: true,
        tls: options.tls === true,
        access,
        config: [
          ...sentinelConfig,
          `sentinel monitor ${MASTER} ${host} ${primaryPort} 2`,
          `sentinel down-after-milliseconds ${MASTER} 1000`,
          `sentinel failover-timeout ${MASTER} 5000`,
        ],
      }),
    );
  }
  const find = (wanted: (port: number) => boolean): RedisNode => {
    const found = nodes.find(({ port }) => wanted(port));
    if (found === undefined) throw new Error('the Sentinels name a server that is not ours');
    return found;
  };
  const primaryNow = (): number => {
    const running = sentinels[0] as RedisNode;
    return Number(running.ask('SENTINEL', 'get-master-addr-by-name', MASTER).split('\n')[1]);
  };
  const ground: SentinelGround = {
    settings: {
      mode: 'sentinel',
      sentinels: sentinels.map(({ port }) => ({ host, port })),
      master: MASTER,
      sentinelUser: {},
      database: 0,
      keyPrefix: '{tdc}',
      user: {},
    },
    environment: {
      TDC_REDIS_MODE: 'sentinel',
      TDC_REDIS_NODES: sentinels.map(({ port }) => `${host}:${port}`).join(','),
      TDC_REDIS_SENTINEL_MASTER: MASTER,
    },
    nodes,
    sentinels,
    primary: () => find((port) => port === primaryNow()),
    replica: () => find((port) => port !== primaryNow()),
    async failover() {
      const before = primaryNow();
      sentinels[0]?.ask('SENTINEL', 'FAILOVER', MASTER);
      await waitUntil(() => primaryNow() !== before, { withinSeconds: 20, what: 'the failover' });
    },
    whole: async () =>
      void (await waitUntil(() => /slave0:.*state=online/.test(ground.primary().ask('INFO', 'replication')), {
        withinSeconds: 30,
        what: 'the replica following',
      })),
    async remove() {
      await Promise.all([...sentinels, ...nodes].map((one) => one.remove()));
    },
  };
  // Each Sentinel must have found the replica and its peers, or there is nobody to vote.
  await ground.whole();
  for (const sentinel of sentinels) {
    await waitUntil(
      () => {
        const text = sentinel.ask('SENTINEL', 'MASTER', MASTER);
        return /num-slaves\n1\n/.test(text) && /num-other-sentinels\n2\n/.test(text);
      },
      { withinSeconds: 20, what: 'the Sentinels knowing each other' },
    );
  }
  return ground;
}
