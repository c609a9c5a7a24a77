import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { redactRedisUrl } from '@tdc/platform';
import { createLeash } from '../../test/support/leash.ts';
import { lockFolder } from './folder-lock.ts';
import { followFile } from './follow-file.ts';
import { choosePorts, type Ports } from './ports.ts';
import { type LocalRedis, startRedis, useRedis } from './redis.ts';
import { prepareState } from './state.ts';
import { type LocalSystem, type SystemAddresses, startSystem } from './system.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const EXIT_CONFIG = 78;
const EXIT_FAILED = 1;
const PARENT_POLL_MS = 500;
/** What the programs get to stop when the starter was killed. */
const LEASH_SECONDS = 10;

const { env } = process;
const wantsJson = process.argv.includes('--json') || env['npm_config_json'] === 'true';

/** The start was given up because somebody wanted it to be: no failure. */
class StoppedError extends Error {}

function sayWhyNot(problems: readonly string[]): number {
  process.stderr.write(`tdc cannot start:\n${problems.map((problem) => `  - ${problem}\n`).join('')}`);
  return EXIT_CONFIG;
}

/** Resolves when somebody wants the system to stop: a signal, a terminal that is closed, or a starter that is gone. */
function stopWanted(): Promise<void> {
  return new Promise((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop());
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop());
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) stop();
    }, PARENT_POLL_MS).unref();
  });
}

function describe({ smtp, metrics, standIn, policyFile, logFile, grpc }: SystemAddresses): string {
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

interface Surroundings {
  readonly stateFolder: string;
  readonly ports: Ports;
  readonly redis: LocalRedis;
  readonly leash: ReturnType<typeof createLeash>;
  readonly stop: Promise<void>;
}

/** Starts the processes and stays with them until one ends or somebody wants all to end; answers the exit status. */
async function runSystem({ stateFolder, redis, stop, ...others }: Surroundings): Promise<number> {
  const state = await prepareState(stateFolder, join(ROOT, 'deploy/local/policy.example.yaml'));
  const stopped = stop.then(() => Promise.reject(new StoppedError()));
  stopped.catch(() => undefined);
  const follow = wantsJson ? undefined : followFile(state.logFile, process.stdout);
  let system: LocalSystem;
  try {
    system = await startSystem({ root: ROOT, env, state, redis, stopped, ...others });
  } catch (error) {
    follow?.stop();
    if (error instanceof StoppedError) return 0;
    return sayWhyNot([`${(error as Error).message}; see ${state.logFile}`]);
  }
  const addresses = { ...system.addresses, redis: redactRedisUrl(redis.url) };
  process.stdout.write(wantsJson ? `${JSON.stringify(addresses)}\n` : describe(addresses));
  const failed = await Promise.race([stop.then(() => undefined), system.failed]);
  if (failed !== undefined)
    process.stderr.write(`${failed} ended by itself: stopping; see ${state.logFile}\n`);
  await system.stop();
  follow?.stop();
  return failed === undefined ? 0 : EXIT_FAILED;
}

async function main(): Promise<number> {
  const stop = stopWanted();
  const stateFolder = resolve(env['TDC_STATE_DIR'] || join(ROOT, '.tdc'));
  try {
    mkdirSync(stateFolder, { recursive: true });
  } catch (error) {
    return sayWhyNot([`TDC_STATE_DIR is '${stateFolder}': ${(error as Error).message}`]);
  }
  if (!(await lockFolder(stateFolder))) {
    return sayWhyNot([`${stateFolder} is in use by another npm start: TDC_STATE_DIR chooses another folder`]);
  }
  const chosen = await choosePorts(env);
  if (chosen.kind === 'unusable') return sayWhyNot(chosen.problems);
  const { ports } = chosen;
  const leash = createLeash(LEASH_SECONDS);
  const given = env['TDC_REDIS_URL'];
  const provided = given
    ? await useRedis(given)
    : await startRedis({ stateFolder, port: ports.TDC_REDIS_PORT, leash });
  if (provided.kind === 'unfit') return sayWhyNot(provided.problems);
  const { redis } = provided;
  try {
    return await runSystem({ stateFolder, ports, redis, leash, stop });
  } finally {
    await redis.stop();
  }
}

process.exit(await main());
