import { openSync } from 'node:fs';
import type { Leash } from '../../test/support/leash.ts';
import { type Child, startChild } from './child.ts';
import { LOCAL_HOST, type Ports } from './ports.ts';
import type { LocalRedis } from './redis.ts';
import type { LocalState } from './state.ts';

/** Where everything is, once it serves. The JSON form is what `npm start --json` prints. */
export interface SystemAddresses {
  readonly smtp: string;
  readonly metrics: Readonly<Record<'intake' | 'delivery' | 'policy' | 'monitor', string>>;
  readonly grpc: { readonly policy: string; readonly monitor: string };
  readonly standIn: { readonly smtp: string; readonly http: string };
  readonly redis: string;
  readonly policyFile: string;
  readonly logFile: string;
}

export interface LocalSystem {
  readonly addresses: SystemAddresses;
  /** Resolves with the name of the first program that ended by itself. */
  readonly failed: Promise<string>;
  /** Stops everything in order, Redis too. */
  stop(): Promise<void>;
}

export interface SystemOptions {
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ports: Ports;
  readonly state: LocalState;
  readonly redis: LocalRedis;
  readonly leash: Leash;
  /** Rejects when the start is to be given up. */
  readonly stopped: Promise<never>;
}

/** Variables of the starter that mean something else to a service. */
const OWN_VARIABLES = /^TDC_(\w+_(HTTP|GRPC)_PORT|STAND_IN_\w+|REDIS_PORT|STATE_DIR|SMTP_PORT|READY_FD)$/;

type Variables = Readonly<Record<string, string | undefined>>;
type Announced = Readonly<Record<string, string>>;

const passedOn = (env: Variables): Variables =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !OWN_VARIABLES.test(name)));

const portOf = (address: string | undefined): string => address?.split(':').at(-1) ?? '';

/** The programs started so far: starts them so that they can be stopped in order. */
function createCrew(options: SystemOptions) {
  const { root, ports, state, redis, leash, stopped } = options;
  const log = openSync(state.logFile, 'a');
  const children: Child[] = [];
  const common = {
    ...passedOn(options.env),
    TDC_REDIS_URL: redis.url,
    TDC_HTTP_HOST: LOCAL_HOST,
    TDC_GRPC_HOST: LOCAL_HOST,
    TDC_SHUTDOWN_SECONDS: '8',
  };
  /** Answers the addresses that the program announces. */
  const run = (name: string, script: string, env: Variables): Promise<Announced> => {
    const program = process.execPath;
    const child = startChild({ name, program, args: [script], env, stdout: log, cwd: root, leash });
    children.push(child);
    return Promise.race([child.ready(), stopped]);
  };
  return {
    children,
    run,
    service: (name: 'intake' | 'delivery' | 'policy' | 'monitor', env: Variables): Promise<Announced> =>
      run(name, `services/${name}/src/main.ts`, {
        ...common,
        TDC_STATE_DIR: state.folderFor(name),
        TDC_HTTP_PORT: String(ports[`TDC_${name.toUpperCase() as Uppercase<typeof name>}_HTTP_PORT`]),
        ...env,
      }),
    /** Intake first, so that nothing new comes in; Redis last, so that all others can write down what they did. */
    async stop(): Promise<void> {
      for (const child of children.toReversed()) await child.stop();
      await redis.stop();
    },
  };
}

type Crew = ReturnType<typeof createCrew>;

/** The stand-in first, whose port the policies name; then policy, which all others ask. */
async function startAll(crew: Crew, { env, ports, state }: SystemOptions) {
  const standIn = await crew.run('stand-in', 'services/stand-in/src/main.ts', {
    ...passedOn(env),
    TDC_STAND_IN_SMTP_PORT: String(ports.TDC_STAND_IN_SMTP_PORT),
    TDC_STAND_IN_HTTP_PORT: String(ports.TDC_STAND_IN_HTTP_PORT),
    TDC_STAND_IN_CERT_DIR: state.standInCertificates,
  });
  state.writePolicy(portOf(standIn['smtp']));
  const policy = await crew.service('policy', {
    TDC_POLICY_FILE: state.policyFile,
    TDC_GRPC_PORT: String(ports.TDC_POLICY_GRPC_PORT),
  });
  const asks = { TDC_POLICY_ADDRESS: policy['grpc'] };
  const [monitor, delivery, intake] = await Promise.all([
    crew.service('monitor', { ...asks, TDC_GRPC_PORT: String(ports.TDC_MONITOR_GRPC_PORT) }),
    crew.service('delivery', asks),
    crew.service('intake', {
      ...asks,
      TDC_SMTP_HOST: LOCAL_HOST,
      TDC_SMTP_PORT: String(ports.TDC_SMTP_PORT),
      TDC_SMTP_HOSTNAME: 'localhost',
      TDC_SMTP_TLS_CERT_FILE: state.intake.cert,
      TDC_SMTP_TLS_KEY_FILE: state.intake.key,
    }),
  ]);
  return { standIn, policy, monitor, delivery, intake };
}

function addressesOf(
  announced: Awaited<ReturnType<typeof startAll>>,
  { redis, state }: SystemOptions,
): SystemAddresses {
  const { standIn, policy, monitor, delivery, intake } = announced;
  const at = (addresses: Announced, name: string): string => addresses[name] ?? '';
  const metrics = (addresses: Announced): string => `http://${at(addresses, 'http')}/metrics`;
  return {
    smtp: at(intake, 'smtp'),
    metrics: {
      intake: metrics(intake),
      delivery: metrics(delivery),
      policy: metrics(policy),
      monitor: metrics(monitor),
    },
    grpc: { policy: at(policy, 'grpc'), monitor: at(monitor, 'grpc') },
    standIn: { smtp: at(standIn, 'smtp'), http: `http://${at(standIn, 'http')}` },
    redis: redis.url,
    policyFile: state.policyFile,
    logFile: state.logFile,
  };
}

/**
 * Starts every process of the product and the stand-in; resolves when all of them serve. When one of them does not, or the
 * start is given up, everything is stopped again and the answer rejects with the reason.
 */
export async function startSystem(options: SystemOptions): Promise<LocalSystem> {
  const crew = createCrew(options);
  let addresses: SystemAddresses;
  try {
    addresses = addressesOf(await startAll(crew, options), options);
  } catch (error) {
    await crew.stop();
    throw error;
  }
  return {
    addresses,
    failed: Promise.race([
      ...crew.children.map((child) => child.exited.then(() => child.name)),
      options.redis.exited.then(() => 'Redis'),
    ]),
    stop: () => crew.stop(),
  };
}
