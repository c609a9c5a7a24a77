import { spawn, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLeash } from '../../test/support/leash.ts';
import { findRedisServer } from './find-redis.ts';

/** What `npm test` runs: checks first, then every suite in one run, whose summary is the last thing printed. */
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const EXIT_USAGE = 64;
/** No test takes so long: one that does hangs, and fails. */
const HANGING_MS = 600_000;
const EXIT_CONFIG = 78;

/**
 * The slow suite lives through the real times of the product, the cluster suite needs a Kubernetes in KUBECONFIG: they run when
 * they are named.
 */
const SUITES: Readonly<Record<string, readonly string[]>> = {
  unit: [
    'services/**/*.test.ts',
    'proto/**/*.test.ts',
    'deploy/**/*.test.ts',
    'test/architecture/*.test.ts',
    'test/support/**/*.test.ts',
    'test/bench/*.test.ts',
    'test/bench/simulation/*.test.ts',
  ],
  contract: ['test/contract/**/*.test.ts', 'test/bench/simulation/measured/*.test.ts'],
  chart: ['test/chart/**/*.test.ts'],
  e2e: ['test/e2e/**/*.e2e.ts', 'test/chaos/**/*.e2e.ts'],
  slow: ['test/slow/**/*.slow.ts'],
  cluster: ['test/cluster/**/*.cluster.ts'],
};
/** Takes nodes away, and must not take them from the tests beside it. */
const ALONE = 'cluster';
const BY_DEFAULT = ['unit', 'contract', 'chart', 'e2e'];

const CHECKS: readonly (readonly [what: string, program: string, ...args: string[]])[] = [
  ['format and lint (biome)', 'biome', 'check', '.'],
  ['lint (oxlint)', 'oxlint', '--type-aware', '--deny-warnings'],
  ['types (tsc)', 'tsc', '-p', 'tsconfig.json'],
];

function check([what, program, ...args]: (typeof CHECKS)[number]): boolean {
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'node_modules/.bin', program), args, {
    cwd: ROOT,
    encoding: 'utf8',
  });
  process.stdout.write(`${status === 0 ? 'ok  ' : 'FAIL'} ${what}\n`);
  if (status !== 0) process.stdout.write(`${stdout}${stderr}\n`);
  return status === 0;
}

/** Tests start `redis-server` by name: it is looked for where it was found. */
function searchPath(redisServer: string): string {
  const found = redisServer.includes('/') ? [dirname(redisServer)] : [];
  return [...found, process.env['PATH'] ?? ''].join(delimiter);
}

/** Runs the test runner to its end, and ends it with this program: it must not go on when nobody looks. */
function runSuites(suites: readonly string[], redisServer: string): Promise<number> {
  const files = suites.flatMap((suite) =>
    (SUITES[suite] ?? []).flatMap((pattern) => globSync(pattern, { cwd: ROOT }).sort()),
  );
  process.stdout.write(`running ${files.length} test files: ${suites.join(', ')}\n`);
  const concurrency = suites.includes(ALONE) ? 1 : Math.max(2, availableParallelism());
  const runner = spawn(
    process.execPath,
    ['--test', `--test-concurrency=${concurrency}`, `--test-timeout=${HANGING_MS}`, ...files],
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, PATH: searchPath(redisServer) },
    },
  );
  createLeash(0).hold(runner);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => runner.kill(signal));
  }
  return new Promise((resolve) => runner.once('exit', (status) => resolve(status ?? 1)));
}

async function main(): Promise<number> {
  const named = process.argv.slice(2);
  const unknown = named.filter((suite) => SUITES[suite] === undefined && suite !== 'all');
  if (unknown.length > 0) {
    process.stderr.write(
      `no suite ${unknown.join(', ')}; there are all, ${Object.keys(SUITES).join(', ')}\n`,
    );
    return EXIT_USAGE;
  }
  const redis = findRedisServer(join(ROOT, '.tdc', 'bin'));
  if (redis.kind === 'missing') {
    process.stderr.write(`the tests need a Redis server: ${redis.advice}\n`);
    return EXIT_CONFIG;
  }
  const checked = CHECKS.map(check).every(Boolean);
  const suites = named.includes('all') ? Object.keys(SUITES) : named.length === 0 ? BY_DEFAULT : named;
  const status = await runSuites(suites, redis.program);
  return checked ? status : 1;
}

process.exit(await main());
