import { openSync } from 'node:fs';
import { type Child, startChild } from './child.ts';
import { LOCAL_HOST } from './ports.ts';
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
  stop(): Promise<void>;
}

export interface SystemOptions {
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ports: ReadonlyMap<string, number>;
  readonly state: LocalState;
  readonly redisUrl: string;
  /** Undefined when Redis is somebody else's. */
  readonly redis: LocalRedis | undefined;
}

/** Variables of the starter that mean something else to a service. */
const OWN_VARIABLES = /^TDC_(\w+_(HTTP|GRPC)_PORT|STAND_IN_\w+|REDIS_PORT|STATE_DIR|SMTP_PORT|READY_FD)$/;

const passedOn = (env: SystemOptions['env']): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !OWN_VARIABLES.test(name)));

/** Starts every process of the product and the stand-in; resolves when all of them serve. */
export async function startSystem(options: SystemOptions): Promise<LocalSystem> {
  const { root, ports, state, redis } = options;
  const log = openSync(state.logFile, 'a');
  const port = (variable: string): string => String(ports.get(variable) ?? 0);
  const at = (variable: string): string => `${LOCAL_HOST}:${port(variable)}`;
  const children: Child[] = [];
  const base = {
    ...passedOn(options.env),
    TDC_REDIS_URL: options.redisUrl,
    TDC_HTTP_HOST: LOCAL_HOST,
    TDC_GRPC_HOST: LOCAL_HOST,
    TDC_SHUTDOWN_SECONDS: '8',
  };
  const run = (name: string, script: string, env: Record<string, string | undefined>): Child => {
    const child = startChild({
      name,
      program: process.execPath,
      args: [script],
      env,
      stdout: log,
      cwd: root,
    });
    children.push(child);
    return child;
  };
  const service = (name: string, env: Record<string, string>): Child =>
    run(name, `services/${name}/src/main.ts`, {
      ...base,
      TDC_STATE_DIR: state.folderFor(name),
      TDC_HTTP_PORT: port(`TDC_${name.toUpperCase()}_HTTP_PORT`),
      ...env,
    });
  const stop = async (): Promise<void> => {
    // Intake first, so that nothing new comes in; Redis last, so that all others can write down what they did.
    for (const child of children.toReversed()) await child.stop();
    await redis?.stop();
  };
  const policyAddress = at('TDC_POLICY_GRPC_PORT');
  run('stand-in', 'test/support/stand-in/main.ts', {
    ...passedOn(options.env),
    TDC_STAND_IN_SMTP_PORT: port('TDC_STAND_IN_SMTP_PORT'),
    TDC_STAND_IN_HTTP_PORT: port('TDC_STAND_IN_HTTP_PORT'),
    TDC_STAND_IN_CERT_FILE: state.standIn.cert,
    TDC_STAND_IN_KEY_FILE: state.standIn.key,
  });
  service('policy', { TDC_POLICY_FILE: state.policyFile, TDC_GRPC_PORT: port('TDC_POLICY_GRPC_PORT') });
  service('monitor', { TDC_POLICY_ADDRESS: policyAddress, TDC_GRPC_PORT: port('TDC_MONITOR_GRPC_PORT') });
  service('delivery', { TDC_POLICY_ADDRESS: policyAddress });
  service('intake', {
    TDC_POLICY_ADDRESS: policyAddress,
    TDC_SMTP_HOST: LOCAL_HOST,
    TDC_SMTP_PORT: port('TDC_SMTP_PORT'),
    TDC_SMTP_HOSTNAME: 'localhost',
    TDC_SMTP_TLS_CERT_FILE: state.intake.cert,
    TDC_SMTP_TLS_KEY_FILE: state.intake.key,
  });
  try {
    await Promise.all(children.map((child) => child.ready()));
  } catch (error) {
    await stop();
    throw error;
  }
  const metrics = (name: string): string => `http://${at(`TDC_${name}_HTTP_PORT`)}/metrics`;
  return {
    addresses: {
      smtp: at('TDC_SMTP_PORT'),
      metrics: {
        intake: metrics('INTAKE'),
        delivery: metrics('DELIVERY'),
        policy: metrics('POLICY'),
        monitor: metrics('MONITOR'),
      },
      grpc: { policy: policyAddress, monitor: at('TDC_MONITOR_GRPC_PORT') },
      standIn: { smtp: at('TDC_STAND_IN_SMTP_PORT'), http: `http://${at('TDC_STAND_IN_HTTP_PORT')}` },
      redis: options.redisUrl,
      policyFile: state.policyFile,
      logFile: state.logFile,
    },
    failed: Promise.race([
      ...children.map((child) => child.exited.then(() => child.name)),
      ...(redis === undefined ? [] : [redis.exited.then(() => 'Redis')]),
    ]),
    stop,
  };
}
