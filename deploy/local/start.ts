import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { redactRedisUrl } from '@tdc/platform';
import { followFile } from './follow-file.ts';
import { choosePorts } from './ports.ts';
import { startRedis } from './redis.ts';
import { prepareState } from './state.ts';
import { type LocalSystem, startSystem } from './system.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const EXIT_CONFIG = 78;
const EXIT_FAILED = 1;
const PARENT_POLL_MS = 500;

const { env } = process;
const wantsJson = process.argv.includes('--json') || env['npm_config_json'] === 'true';

function refuse(problems: readonly string[]): never {
  process.stderr.write(`tdc cannot start:\n${problems.map((problem) => `  - ${problem}\n`).join('')}`);
  process.exit(EXIT_CONFIG);
}

/** Resolves when somebody wants the system to stop: a signal, or the starter's own starter is gone. */
function stopWanted(): Promise<void> {
  return new Promise((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop());
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) stop();
    }, PARENT_POLL_MS).unref();
  });
}

function describe({ addresses }: LocalSystem): string {
  const { smtp, metrics, standIn, policyFile, logFile, grpc } = addresses;
  return `
tdc is ready.

  mail goes to      ${smtp}
  policies          ${policyFile}
  log               ${logFile}
  copies arrive at  ${standIn.http}/messages
  metrics           ${Object.values(metrics).join('\n                    ')}
  gRPC              policy ${grpc.policy}, monitor ${grpc.monitor}

Send a message, then look at the counters (in another terminal):

  npm run --silent tdc -- send --server ${smtp} --monitor ${grpc.monitor} --from bill@lawfirm.com --to jim@example.com --wait
  npm run --silent tdc -- tophosts --monitor ${grpc.monitor}

Ctrl-C stops everything.

`;
}

async function main(): Promise<number> {
  const stop = stopWanted();
  const stateFolder = resolve(env['TDC_STATE_DIR'] || join(ROOT, '.tdc'));
  mkdirSync(stateFolder, { recursive: true });
  const chosen = await choosePorts(env);
  if ('problems' in chosen) refuse(chosen.problems);
  const { ports } = chosen;
  const given = env['TDC_REDIS_URL'];
  const redis = given ? undefined : await startRedis(stateFolder, ports.get('TDC_REDIS_PORT') ?? 0);
  if (redis !== undefined && 'advice' in redis) refuse([redis.advice]);
  const state = await prepareState(stateFolder, {
    examplePolicy: join(ROOT, 'deploy/local/policy.example.yaml'),
    standInSmtpPort: ports.get('TDC_STAND_IN_SMTP_PORT') ?? 0,
  });
  const follow = wantsJson ? undefined : followFile(state.logFile, process.stdout);
  const redisUrl = redis?.url ?? given ?? '';
  let system: LocalSystem;
  try {
    system = await startSystem({ root: ROOT, env, ports, state, redisUrl, redis });
  } catch (error) {
    await redis?.stop();
    follow?.stop();
    process.stderr.write(`tdc cannot start: ${(error as Error).message}; see ${state.logFile}\n`);
    return EXIT_CONFIG;
  }
  const shown = { ...system.addresses, redis: redactRedisUrl(redisUrl) };
  process.stdout.write(wantsJson ? `${JSON.stringify(shown)}\n` : describe(system));
  const failed = await Promise.race([stop.then(() => undefined), system.failed]);
  if (failed !== undefined)
    process.stderr.write(`${failed} ended by itself: stopping; see ${state.logFile}\n`);
  await system.stop();
  follow?.stop();
  return failed === undefined ? 0 : EXIT_FAILED;
}

process.exit(await main());
