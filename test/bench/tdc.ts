import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAuthority } from '@tdc/stand-in';
import { freePort } from '../../deploy/local/ports.ts';
import { REDIS_SETTINGS } from '../../deploy/local/redis.ts';
import { listens } from './listens.ts';
import type { Program } from './programs.ts';
import type { Ground, RunningSystem, SystemUnderTest } from './system-under-test.ts';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');
/** Heap limits, in MiB: half of the memory limits of the chart, as its values have it. */
const HEAP_MIB = { policy: 128, monitor: 128, intake: 256, delivery: 256 } as const;
/** Of the chart, too. */
const NEW_HEAP_MIB = 32;
type Service = keyof typeof HEAP_MIB;

/** As many as Postfix sends over one here; the default is 50, as the gateway's is. */
const MESSAGES_PER_CONNECTION = 350;

const policyDocument = ({ sinkPort, caFile, connections }: Ground): string => `
version: 1
intakes:
  primary:
    address: journal@setd.bench.example
    host: 127.0.0.1
    port: ${sinkPort}
    tls: { serverName: sink.bench.example, caFile: "${caFile}" }
    limits: { connections: ${connections}, messagesPerConnection: ${MESSAGES_PER_CONNECTION} }
defaultIntake: primary
`;

/** Redis as the chart has it: nothing evicted, every second on disk, over TCP. */
async function startRedis({
  programs,
  folder,
  redisServer,
  redisBytes,
}: Ground): Promise<{ url: string; program: Program }> {
  const port = await freePort();
  const data = join(folder, 'redis');
  mkdirSync(data);
  const address = ['--bind', '127.0.0.1', '--port', String(port), '--dir', data];
  const program = programs.start({
    group: 'redis',
    command: [redisServer, ...address, ...REDIS_SETTINGS, '--maxmemory', String(redisBytes ?? 0)],
    logFile: join(folder, 'redis.log'),
  });
  await listens(port);
  return { url: `redis://127.0.0.1:${port}`, program };
}

/** Starts single services; each writes its mail log, as JSON, to a file of its own. */
function createServices(ground: Ground, redisUrl: string) {
  const { programs, folder, profiles } = ground;
  const started: Program[] = [];
  return {
    started,
    async start(service: Service, key: string, env: Readonly<Record<string, string>>) {
      const state = join(folder, key);
      mkdirSync(state);
      const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profiles, key)}`];
      const program = programs.start({
        group: 'system',
        command: [process.execPath, ...profiling, `services/${service}/src/main.ts`],
        cwd: ROOT,
        logFile: join(folder, `${key}.log`),
        third: 'pipe',
        env: {
          NODE_ENV: 'production',
          NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB[service]} --max-semi-space-size=${NEW_HEAP_MIB}`,
          TDC_READY_FD: '3',
          TDC_REDIS_URL: redisUrl,
          TDC_STATE_DIR: state,
          TDC_HTTP_HOST: '127.0.0.1',
          TDC_HTTP_PORT: '0',
          TDC_GRPC_HOST: '127.0.0.1',
          TDC_GRPC_PORT: '0',
          TDC_LOG_FORMAT: 'json',
          TDC_LOG_LEVEL: 'info',
          ...env,
        },
      });
      started.push(program);
      return program.announced();
    },
  };
}

const numbered = (service: Service, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => (n === 0 ? service : `${service}-${n + 1}`));

async function start(ground: Ground): Promise<RunningSystem> {
  const { folder } = ground;
  const file = (name: string): string => join(folder, name);
  const { cert, key } = await (await createAuthority()).issue({ names: ['localhost'] });
  writeFileSync(file('intake.pem'), cert);
  writeFileSync(file('intake.key'), key);
  // In a folder of its own: whoever follows a document looks at all that changes beside it.
  mkdirSync(file('document'));
  const policyFile = join(file('document'), 'policy.yaml');
  writeFileSync(policyFile, policyDocument(ground));
  const redis = await startRedis(ground);
  const services = createServices(ground, redis.url);
  const { grpc } = await services.start('policy', 'policy', { TDC_POLICY_FILE: policyFile });
  const asks = { TDC_POLICY_ADDRESS: grpc ?? '' };
  const intake = {
    TDC_SMTP_HOST: '127.0.0.1',
    TDC_SMTP_PORT: '0',
    TDC_SMTP_HOSTNAME: 'intake.bench.example',
    TDC_SMTP_TLS_CERT_FILE: file('intake.pem'),
    TDC_SMTP_TLS_KEY_FILE: file('intake.key'),
  };
  const [intakes] = await Promise.all([
    Promise.all(
      numbered('intake', ground.intakes).map((name) =>
        services.start('intake', name, { ...asks, ...intake }),
      ),
    ),
    Promise.all(
      numbered('delivery', ground.deliveries).map((name) =>
        services.start('delivery', name, { ...asks, TDC_EHLO_NAME: 'delivery.bench.example' }),
      ),
    ),
    services.start('monitor', 'monitor', asks),
  ]);
  return {
    ports: intakes.map(({ smtp }) => Number(smtp?.split(':').at(-1))),
    async stop() {
      // Intake first and policy last, Redis behind them: so each can write down what it did.
      const order = services.started.toReversed();
      await Promise.all(order.slice(0, -1).map((program) => program.stop()));
      await order.at(-1)?.stop();
      await redis.program.stop();
    },
  };
}

/** Every process of this product, with the settings of the chart. */
export const tdc: SystemUnderTest = { name: 'tdc', start };
