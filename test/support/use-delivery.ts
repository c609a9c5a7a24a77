import { after, afterEach, before, beforeEach } from 'node:test';
import {
  type CopySource,
  type DeliveryProcess,
  launchDelivery,
  openCopySource,
  startDelivery,
} from './delivery-process.ts';
import { type DnsServer, startDnsServer } from './dns-server.ts';
import { MX_NAME, type Peer, startPeer } from './outbound.ts';
import type { ServiceProcess } from './service-process.ts';
import type { RedisOfFile } from './use-redis.ts';
import { waitUntil } from './wait-until.ts';

/** What the delivery tests of one file work with: a peer, a name server, and workers that are gone after each test. */
export interface DeliveryOfFile {
  /** Answers on 127.0.0.1; `primary.example` leads there. */
  readonly peer: Peer;
  readonly dns: DnsServer;
  readonly copies: CopySource;
  /** The document: intakes by alias, over what every intake here has. */
  policy(intakes: Readonly<Record<string, Intake>>): unknown;
  start(policy: unknown, env?: Readonly<Record<string, string>>): Promise<DeliveryProcess>;
  /** Starts a worker that nobody waits for. */
  launch(policy: unknown, env?: Readonly<Record<string, string>>): ServiceProcess;
  /** Another peer under the same authority, on another address of this machine and the same port. */
  startOther(host: string): Promise<Peer>;
}

interface Intake {
  readonly limits?: { readonly connections?: number; readonly messagesPerConnection?: number };
  readonly tls?: Readonly<Record<string, unknown>>;
}

/** To be called once, behind `useRedis`. */
export function useDelivery(redis: RedisOfFile): DeliveryOfFile {
  const processes: ServiceProcess[] = [];
  const others: Peer[] = [];
  let peer: Peer | undefined;
  let dns: DnsServer | undefined;
  let copies: CopySource | undefined;
  const present = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('it is there within a test');
    return value;
  };
  before(async () => {
    peer = await startPeer();
    dns = await startDnsServer();
  });
  beforeEach(async () => {
    present(peer).standIn.script({});
    copies = await openCopySource(redis.client);
    present(dns).set('primary.example', { mx: [{ exchange: MX_NAME, preference: 10 }] });
    present(dns).set(MX_NAME, { a: ['127.0.0.1'] });
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((process) => process.stop('SIGKILL')));
    await Promise.all(others.splice(0).map(({ standIn }) => standIn.close()));
    await copies?.close();
    await waitUntil(() => present(peer).standIn.open === 0);
    present(peer).standIn.clear();
  });
  after(async () => {
    await peer?.standIn.close();
    await dns?.close();
  });
  const options = (policy: unknown, env: Readonly<Record<string, string>>) => ({
    redisUrl: redis.server.url,
    policy,
    env: { TDC_DNS_SERVERS: present(dns).address, ...env },
  });
  return {
    get peer() {
      return present(peer);
    },
    get dns() {
      return present(dns);
    },
    get copies() {
      return present(copies);
    },
    policy(intakes) {
      const { standIn, authority } = present(peer);
      const full = Object.entries(intakes).map(([alias, { limits = {}, tls = {} }]) => [
        alias,
        {
          address: `journal@${alias}.example`,
          port: standIn.port,
          limits,
          tls: { ca: authority.cert, serverName: MX_NAME, ...tls },
        },
      ]);
      return { version: 1, intakes: Object.fromEntries(full) };
    },
    async start(policy, env = {}) {
      const worker = await startDelivery(options(policy, env));
      processes.push(worker.process);
      return worker;
    },
    launch(policy, env = {}) {
      const process = launchDelivery(options(policy, env));
      processes.push(process);
      return process;
    },
    async startOther(host) {
      const other = await startPeer({ host, port: present(peer).standIn.port }, present(peer).authority);
      others.push(other);
      return other;
    },
  };
}
