import type { RedisSettings } from '@tdc/platform';
import { freePort } from '../../deploy/local/ports.ts';
import { type RedisNode, startRedisNode } from './redis-node.ts';
import { waitUntil } from './wait-until.ts';

/** Three masters with a third of the slots each, and a replica of the one that holds our keys. */
export interface ClusterGround {
  readonly settings: Extract<RedisSettings, { readonly mode: 'cluster' }>;
  readonly environment: Readonly<Record<string, string>>;
  readonly nodes: readonly RedisNode[];
  /** The master of the slot that all our keys are in, as another master sees it. */
  owner(): RedisNode;
  /** A master that holds none of our keys. */
  bystander(): RedisNode;
  /** Moves our slot to the bystander, as an operator who rebalances does, keys and all. */
  moveSlot(): void;
  remove(): Promise<void>;
}

export interface ClusterGroundOptions {
  /** The ports take TLS alone; `config` says with what. */
  readonly tls?: boolean;
  readonly config?: readonly string[];
  readonly access?: readonly string[];
}

const SLOTS = 16_384;
const TAG = '{tdc}';

/** Starts it on free ports. A node that is silent for a second is down. */
export async function startClusterGround(options: ClusterGroundOptions = {}): Promise<ClusterGround> {
  const { config = [], access = [] } = options;
  const nodes: RedisNode[] = [];
  for (let n = 0; n < 4; n += 1) {
    const port = await freePort();
    // The bus has a port of its own, by default one that may not exist.
    const bus = await freePort();
    nodes.push(
      await startRedisNode({
        port,
        access,
        tls: options.tls === true,
        config: [
          'cluster-enabled yes',
          `cluster-port ${bus}`,
          'cluster-node-timeout 1000',
          'cluster-config-file nodes.conf',
          'repl-diskless-sync-delay 0',
          'repl-ping-replica-period 1',
          ...config,
        ],
      }),
    );
  }
  const [first, second, third, replica] = nodes as [RedisNode, RedisNode, RedisNode, RedisNode];
  const masters = [first, second, third];
  const idOf = (node: RedisNode): string => node.ask('CLUSTER', 'MYID');
  const busOf = (node: RedisNode): string =>
    /@(\d+)/.exec(
      node
        .ask('CLUSTER', 'NODES')
        .split('\n')
        .find((line) => line.includes('myself')) ?? '',
    )?.[1] ?? '';
  masters.forEach((node, index) => {
    const from = Math.floor((index * SLOTS) / 3);
    const to = Math.floor(((index + 1) * SLOTS) / 3) - 1;
    node.ask('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
  });
  for (const node of nodes.slice(1)) {
    first.ask('CLUSTER', 'MEET', '127.0.0.1', String(node.port), busOf(node));
  }
  const slot = Number(first.ask('CLUSTER', 'KEYSLOT', TAG));
  /** The master of a slot in the words of a node. */
  const ownerSeenBy = (node: RedisNode): RedisNode | undefined => {
    const text = node.ask('--json', 'CLUSTER', 'SLOTS');
    const ranges = JSON.parse(text) as [number, number, [string, number, string]][];
    const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
    return nodes.find((one) => one.port === port);
  };
  const whole = { withinSeconds: 30, what: 'the Cluster coming together' };
  await waitUntil(
    () => nodes.every((node) => /cluster_known_nodes:4/.test(node.ask('CLUSTER', 'INFO'))),
    whole,
  );
  const owner = await waitUntil(() => ownerSeenBy(first), whole);
  await waitUntil(() => replica.ask('CLUSTER', 'REPLICATE', idOf(owner)) === 'OK', whole);
  await waitUntil(() => nodes.every((node) => /cluster_state:ok/.test(node.ask('CLUSTER', 'INFO'))), whole);
  await waitUntil(() => /slave0:.*state=online/.test(owner.ask('INFO', 'replication')), whole);
  const bystander = masters.find((node) => node !== owner) as RedisNode;
  return {
    settings: {
      mode: 'cluster',
      nodes: masters.map(({ port }) => ({ host: '127.0.0.1', port })),
      keyPrefix: TAG,
      user: {},
    },
    environment: {
      TDC_REDIS_MODE: 'cluster',
      TDC_REDIS_NODES: masters.map(({ port }) => `127.0.0.1:${port}`).join(','),
    },
    nodes,
    owner: () => ownerSeenBy(bystander) as RedisNode,
    bystander: () => bystander,
    moveSlot() {
      const from = ownerSeenBy(bystander) as RedisNode;
      const [fromId, toId] = [idOf(from), idOf(bystander)];
      bystander.ask('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', fromId);
      from.ask('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', toId);
      for (;;) {
        const keys = from.ask('CLUSTER', 'GETKEYSINSLOT', String(slot), '100').split('\n').filter(Boolean);
        if (keys.length === 0) break;
        from.ask('MIGRATE', '127.0.0.1', String(bystander.port), '', '0', '5000', 'KEYS', ...keys);
      }
      // The new master first: it must know before anybody sends it something.
      for (const node of [bystander, from]) node.ask('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
    },
    async remove() {
      await Promise.all(nodes.map((node) => node.remove()));
    },
  };
}
