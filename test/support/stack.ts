import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLIENT_OPTIONS, callUnary, plaintextTransport } from '@tdc/platform';
import { monitorV1 } from '@tdc/proto';
import {
  type CertificateAuthority,
  createAuthority,
  issueStandInCertificates,
  type StandIn,
  startStandIn,
} from '@tdc/stand-in';
import { freePort } from '../../deploy/local/ports.ts';
import { type DnsServer, startDnsServer } from './dns-server.ts';
import { parsePrometheusText, type Samples } from './prometheus-text.ts';
import { KEEP_ALL, type RedisServer, startRedisServer } from './redis-server.ts';
import { type ServiceProcess, startService } from './service-process.ts';
import { waitUntil } from './wait-until.ts';

export type ServiceName = 'policy' | 'monitor' | 'intake' | 'delivery';

/** A running service of a stack, with the addresses it announced. */
export interface Running {
  readonly process: ServiceProcess;
  readonly addresses: Readonly<Record<string, string>>;
}

export interface StackOptions {
  /** The policy document; made with the stand-in's port and the authority's file when it is a function. */
  readonly policy?: (context: PolicyContext) => string;
  /** For every service. */
  readonly env?: Readonly<Record<string, string>>;
  readonly intake?: Readonly<Record<string, string>>;
  readonly delivery?: Readonly<Record<string, string>>;
  readonly monitor?: Readonly<Record<string, string>>;
  readonly deliveries?: number;
  /** Services that are not started with the others. */
  readonly without?: readonly ServiceName[];
  /** Redis keeps every write through a crash. */
  readonly durableRedis?: boolean;
  /** What leads every service to another Redis than one of the stack's own. */
  readonly redisEnvironment?: Readonly<Record<string, string>>;
}

export interface PolicyContext {
  readonly port: number;
  readonly caFile: string;
}

/** The whole product on free ports of this machine, with a stand-in and a name server of its own. */
export interface Stack {
  readonly redis: RedisServer;
  readonly dns: DnsServer;
  readonly standIn: StandIn;
  readonly authority: CertificateAuthority;
  readonly folder: string;
  readonly policyFile: string;
  /** Where mail goes. */
  readonly smtp: string;
  service(name: ServiceName): Running;
  /** All log lines of a service that are about mail, without date and level. */
  log(name: ServiceName): readonly string[];
  /** Waits for a line that matches. */
  logged(name: ServiceName, pattern: RegExp, withinSeconds?: number): Promise<string>;
  start(name: ServiceName, env?: Readonly<Record<string, string>>): Promise<Running>;
  /** Ends a service and starts it again on the same ports. */
  restart(name: ServiceName, signal?: NodeJS.Signals): Promise<Running>;
  metrics(name: ServiceName): Promise<Samples>;
  accounting(): Promise<monitorV1.AccountingResponse>;
  track(mid: number): Promise<monitorV1.TrackedCopy | undefined>;
  /** Waits until no copy is active and the account balances; answers it. */
  settled(withinSeconds?: number): Promise<monitorV1.AccountingResponse>;
  stop(): Promise<void>;
}

/** The domain of the intake addresses; its MX leads to the stand-in. */
export const INTAKE_DOMAIN = 'setd.example';
export const MX_NAME = 'mx.setd.example';

/** One intake and no policies: everything incoming and clean goes to it. */
export const simplePolicy = ({ port, caFile }: PolicyContext): string => `
version: 1
intakes:
  primary:
    address: journal@${INTAKE_DOMAIN}
    port: ${port}
    tls: { caFile: "${caFile}" }
defaultIntake: primary
`;

/** Times shortened, so that a test sees every end of them. */
const QUICK: Readonly<Record<string, string>> = {
  TDC_RETRY_DELAY_SECONDS: '1',
  TDC_SWEEP_SECONDS: '1',
  TDC_CONNECT_TIMEOUT_SECONDS: '2',
  TDC_TLS_TIMEOUT_SECONDS: '2',
  TDC_REPLY_TIMEOUT_SECONDS: '3',
  TDC_FINAL_REPLY_TIMEOUT_SECONDS: '3',
  TDC_CONNECTION_IDLE_SECONDS: '1',
  TDC_PROBE_SECONDS: '1',
  TDC_SHUTDOWN_SECONDS: '10',
};

const RPC_SECONDS = 5;

/** Known beforehand, so that a service can come back there: what is free for whoever connects may be somebody's by then. */
async function freePorts(): Promise<Record<string, string>> {
  const ports: Record<string, string> = {};
  for (const name of ['TDC_HTTP_PORT', 'TDC_GRPC_PORT', 'TDC_SMTP_PORT'])
    ports[name] = String(await freePort());
  return ports;
}

async function makeStandIn(authority: CertificateAuthority): Promise<StandIn> {
  return startStandIn({
    certificates: await issueStandInCertificates(authority, [MX_NAME]),
    hostname: MX_NAME,
  });
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-stack-'));
  const authority = await createAuthority();
  const { redisEnvironment } = options;
  const [redis, standIn, dns] = await Promise.all([
    redisEnvironment === undefined
      ? startRedisServer(options.durableRedis === true ? KEEP_ALL : [])
      : undefined,
    makeStandIn(authority),
    startDnsServer({
      [INTAKE_DOMAIN]: { mx: [{ exchange: MX_NAME, preference: 10 }] },
      [MX_NAME]: { a: ['127.0.0.1'] },
    }),
  ]);
  const caFile = join(folder, 'ca.pem');
  const policyFile = join(folder, 'policy.yaml');
  const own = await authority.issue({ names: ['localhost', '127.0.0.1'] });
  writeFileSync(caFile, authority.cert);
  writeFileSync(join(folder, 'intake.pem'), own.cert);
  writeFileSync(join(folder, 'intake.key'), own.key);
  writeFileSync(policyFile, (options.policy ?? simplePolicy)({ port: standIn.port, caFile }));
  const running = new Map<string, Running>();
  const former = new Map<string, string[]>();

  const ownRedis = (): RedisServer => {
    if (redis === undefined) throw new Error('the stack has no Redis of its own');
    return redis;
  };
  const stateFolder = (name: string): string => {
    const path = join(folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const environment = (name: ServiceName, key: string): Record<string, string> => {
    const policyAddress = running.get('policy')?.addresses['grpc'] ?? '127.0.0.1:1';
    const common = {
      ...(redisEnvironment ?? { TDC_REDIS_URL: ownRedis().url }),
      TDC_STATE_DIR: stateFolder(key),
      TDC_GRPC_HOST: '127.0.0.1',
      ...QUICK,
      ...options.env,
    };
    switch (name) {
      case 'policy':
        return { ...common, TDC_POLICY_FILE: policyFile };
      case 'monitor':
        return { ...common, TDC_POLICY_ADDRESS: policyAddress, ...options.monitor };
      case 'delivery':
        return {
          ...common,
          TDC_POLICY_ADDRESS: policyAddress,
          TDC_DNS_SERVERS: dns.address,
          TDC_EHLO_NAME: 'delivery.example.net',
          ...options.delivery,
        };
      case 'intake':
        return {
          ...common,
          TDC_POLICY_ADDRESS: policyAddress,
          TDC_SMTP_HOST: '127.0.0.1',
          TDC_SMTP_HOSTNAME: 'intake.example.net',
          TDC_SMTP_TLS_CERT_FILE: join(folder, 'intake.pem'),
          TDC_SMTP_TLS_KEY_FILE: join(folder, 'intake.key'),
          ...options.intake,
        };
    }
  };
  const launch = async (
    name: ServiceName,
    key: string,
    env: Readonly<Record<string, string>>,
  ): Promise<Running> => {
    const process = startService(name, { ...(await freePorts()), ...environment(name, key), ...env });
    const service = { process, addresses: await process.ready() };
    running.set(key, service);
    return service;
  };
  const service = (name: string): Running => {
    const found = running.get(name);
    if (found === undefined) throw new Error(`${name} is not running`);
    return found;
  };
  /** A service that comes back must be found where it was. */
  const samePorts = ({ addresses }: Running): Record<string, string> => {
    const names = { http: 'TDC_HTTP_PORT', grpc: 'TDC_GRPC_PORT', smtp: 'TDC_SMTP_PORT' } as const;
    return Object.fromEntries(
      Object.entries(names).flatMap(([name, variable]) => {
        const port = addresses[name]?.split(':').at(-1);
        return port === undefined ? [] : [[variable, port]];
      }),
    );
  };
  const keysOf = (name: ServiceName): string[] =>
    [...running.keys()].filter((key) => key === name || key.startsWith(`${name}-`));
  const linesOf = (key: string): readonly string[] => [
    ...(former.get(key) ?? []),
    ...(running.get(key)?.process.lines() ?? []),
  ];
  const stack: Stack = {
    get redis() {
      return ownRedis();
    },
    dns,
    standIn,
    authority,
    folder,
    policyFile,
    get smtp() {
      return service('intake').addresses['smtp'] ?? '';
    },
    service,
    log: (name) =>
      keysOf(name)
        .flatMap(linesOf)
        .map((line) => line.replace(/^.{24} \w+: /, '')),
    logged: (name, pattern, withinSeconds = 15) =>
      waitUntil(() => stack.log(name).find((line) => pattern.test(line)), {
        withinSeconds,
        what: `${name} to log ${pattern}`,
      }),
    start: (name, env = {}) => launch(name, name, env),
    async restart(name, signal = 'SIGTERM') {
      const old = service(name);
      await old.process.stop(signal);
      former.set(name, [...linesOf(name)]);
      return launch(name, name, samePorts(old));
    },
    async metrics(name) {
      const response = await fetch(`http://${service(name).addresses['http']}/metrics`);
      return parsePrometheusText(await response.text());
    },
    accounting: () => ask((client) => callUnary(client.accounting.bind(client), {}, RPC_SECONDS)),
    async track(mid) {
      const query = { $case: 'mid', value: mid } as const;
      const { copies } = await ask((client) => callUnary(client.track.bind(client), { query }, RPC_SECONDS));
      return copies[0];
    },
    settled: (withinSeconds = 30) =>
      waitUntil(
        async () => {
          const account = await stack.accounting();
          return account.active === 0 && account.difference === 0 ? account : undefined;
        },
        { withinSeconds, what: 'the account to settle' },
      ),
    async stop() {
      for (const { process } of [...running.values()].toReversed()) await process.stop('SIGKILL');
      await Promise.all([standIn.close(), dns.close(), redis?.remove()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  async function ask<T>(
    call: (
      client: monitorV1.MonitorServiceClient,
    ) => Promise<{ kind: 'ok'; value: T } | { kind: 'failed'; message: string }>,
  ): Promise<T> {
    const client = new monitorV1.MonitorServiceClient(
      service('monitor').addresses['grpc'] ?? '',
      plaintextTransport().channel,
      CLIENT_OPTIONS,
    );
    try {
      const result = await call(client);
      if (result.kind === 'failed') throw new Error(result.message);
      return result.value;
    } finally {
      client.close();
    }
  }
  const wanted = (name: ServiceName): boolean => !(options.without ?? []).includes(name);
  try {
    if (wanted('policy')) await launch('policy', 'policy', {});
    const others: Promise<Running>[] = [];
    if (wanted('monitor')) others.push(launch('monitor', 'monitor', {}));
    if (wanted('intake')) others.push(launch('intake', 'intake', {}));
    for (let n = 0; wanted('delivery') && n < (options.deliveries ?? 1); n += 1) {
      others.push(launch('delivery', n === 0 ? 'delivery' : `delivery-${n + 1}`, {}));
    }
    await Promise.all(others);
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return stack;
}
