import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAuthority } from '@tdc/stand-in';
import { findRedisServer } from '../../deploy/local/find-redis.ts';
import { openAccounting } from './accounting.ts';
import { describeFaults } from './figures.ts';
import { type LoadCase, scaledLoads } from './loads.ts';
import { type Bench, type Run, runUndisturbed } from './measure.ts';
import { type BenchOptions, readOptions, USAGE } from './options.ts';
import { startLoad, startSink } from './peers.ts';
import { addQuickAckRoute, postfix, preparePostfix } from './postfix.ts';
import { renderProfiles } from './profiles.ts';
import { createPrograms } from './programs.ts';
import { type Anchors, type LoadResult, renderAnchors, renderLoad } from './results.ts';
import type { SystemUnderTest } from './system-under-test.ts';
import { tdc } from './tdc.ts';
import { measureHarness, measureWire } from './wire.ts';

/** `npm run bench`: this product and Postfix in turn, on the same loads, in the same run. */
const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');
const EXIT_FAULTS = 1;
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;
const WIRE = 'wire';
const WIRE_MESSAGES = 20_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface Pair {
  readonly load: LoadCase;
  readonly system: SystemUnderTest;
}

interface Outcome {
  readonly results: readonly LoadResult[];
  readonly anchors: Anchors | undefined;
  /** Messages lost, doubled or in clear text, and runs that could not be made. */
  readonly problems: readonly string[];
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const nameOf = ({ load, system }: Pair): string => `${load.name}: ${system.name}`;
const slug = (name: string): string => name.replace(/\W+/g, '-').toLowerCase();

/** The sink, the load and the accounting, from a new folder; `stop` takes all of it away. */
async function openBench(
  options: BenchOptions,
  redisServer: string,
): Promise<{ readonly bench: Bench; readonly stop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-bench-'));
  // Postfix's own user looks into its part.
  chmodSync(folder, 0o755);
  const file = (name: string): string => join(folder, name);
  const authority = await createAuthority();
  const { cert, key } = await authority.issue({ names: ['sink.bench.example'] });
  writeFileSync(file('ca.pem'), authority.cert);
  writeFileSync(file('sink.pem'), cert);
  writeFileSync(file('sink.key'), key, { mode: 0o600 });
  const accounting = openAccounting();
  const programs = createPrograms(accounting);
  const sink = await startSink(programs, { folder, cert: file('sink.pem'), key: file('sink.key') });
  const load = await startLoad(programs, folder);
  const stopped = new AbortController();
  const interrupt = (): void => {
    stopped.abort();
    void Promise.all([sink.stop(), load.stop()]);
  };
  for (const signal of SIGNALS) process.once(signal, interrupt);
  const { intakes, deliveries, tries } = options;
  const parts = { programs, redisServer, accounting, sink, load, stopped: stopped.signal };
  return {
    bench: { folder, caFile: file('ca.pem'), ...parts, intakes, deliveries, tries },
    async stop() {
      await Promise.all([sink.stop(), load.stop()]);
      await accounting.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Rounds of everything, so that what changes on the machine meanwhile meets all systems alike. */
async function runRounds(
  bench: Bench,
  pairs: readonly Pair[],
  withWire: boolean,
  { rounds, scale, profiles }: BenchOptions,
): Promise<Outcome> {
  const runs = new Map<Pair, Run[]>(pairs.map((pair) => [pair, []]));
  const anchors = { wire: [] as number[], harness: [] as number[] };
  const problems: string[] = [];
  for (let round = 1; round <= rounds && !bench.stopped.aborted; round += 1) {
    if (withWire) {
      say(`round ${round}: ${WIRE}`);
      anchors.wire.push(await measureWire(bench, Math.ceil(WIRE_MESSAGES * scale)));
      anchors.harness.push(await measureHarness(bench, Math.ceil(WIRE_MESSAGES * scale)));
    }
    for (const pair of pairs) {
      if (bench.stopped.aborted) break;
      const run = `${slug(nameOf(pair))}-${round}`;
      say(`round ${round}: ${nameOf(pair)}`);
      const folder = profiles === undefined ? undefined : join(resolve(profiles), run);
      try {
        const result = await runUndisturbed(bench, pair.system, pair.load, { run, profiles: folder });
        runs.get(pair)?.push(result);
        const faults = describeFaults(result.faults);
        if (faults !== undefined) problems.push(`${nameOf(pair)}, round ${round}: ${faults}`);
      } catch (error) {
        problems.push(`${nameOf(pair)}, round ${round}: ${messageOf(error)}`);
      }
    }
  }
  return { results: resultsOf(runs), anchors: withWire ? anchors : undefined, problems };
}

function resultsOf(runs: ReadonlyMap<Pair, readonly Run[]>): readonly LoadResult[] {
  const loads = [...new Set([...runs.keys()].map(({ load }) => load))];
  return loads.map((load) => ({
    load: load.name,
    count: load.count,
    runs: Object.fromEntries(
      [...runs].filter(([pair]) => pair.load === load).map(([pair, list]) => [pair.system.name, list]),
    ),
  }));
}

function machine(bench: Bench, { rounds, intakes, deliveries }: BenchOptions): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return [
    `${processors.length} x ${processors[0]?.model}, ${memory} GiB, Node.js ${process.versions.node};`,
    `${rounds} rounds, ${intakes} intake, ${deliveries} delivery; CPU by ${bench.accounting.method}.`,
    'Median (least–most) of the rounds; ratios are of each round.\n',
  ].join(' ');
}

function show({ results, anchors, problems }: Outcome, head: string, { profiles }: BenchOptions): void {
  const closed = results.filter(({ load }) => load === '4 KB, many per connection');
  const parts = [
    head,
    ...results.map(renderLoad),
    ...(anchors === undefined ? [] : [renderAnchors(anchors, closed)]),
    ...(profiles === undefined ? [] : [renderProfiles(profiles)]),
    problems.length === 0
      ? 'In every run: lost 0, doubled 0, clear text 0.'
      : `FAILED:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
  ];
  process.stdout.write(`${parts.join('\n')}\n`);
}

/** What takes part: without Postfix the rest is measured, and its absence is said. */
function choose({ only, scale }: BenchOptions): { pairs: readonly Pair[]; withWire: boolean } {
  const all = scaledLoads(scale).flatMap((load) => [tdc, postfix].map((system) => ({ load, system })));
  const pairs = all.filter((pair) => only.test(nameOf(pair)));
  const withWire = only.test(WIRE);
  if (!withWire && pairs.every(({ system }) => system !== postfix)) return { pairs, withWire };
  const why = preparePostfix();
  if (why === undefined) return { pairs, withWire };
  say(`Postfix is left out, and the wire: ${why}`);
  return { pairs: pairs.filter(({ system }) => system !== postfix), withWire: false };
}

async function main(): Promise<number> {
  const parsed = readOptions(process.argv.slice(2));
  if (parsed.kind === 'wrong') {
    say(`${parsed.problem}\n${USAGE}`);
    return EXIT_USAGE;
  }
  const { options } = parsed;
  const redis = findRedisServer(join(ROOT, '.tdc', 'bin'));
  if (redis.kind === 'missing') {
    say(`the benchmark needs a Redis server: ${redis.advice}`);
    return EXIT_CONFIG;
  }
  const { pairs, withWire } = choose(options);
  if (pairs.length === 0 && !withWire) {
    say(`nothing is left to measure\n${USAGE}`);
    return EXIT_USAGE;
  }
  const removeRoute = pairs.some(({ system }) => system === postfix) ? addQuickAckRoute() : () => undefined;
  try {
    const { bench, stop } = await openBench(options, redis.program);
    try {
      const outcome = await runRounds(bench, pairs, withWire, options);
      const head = machine(bench, options);
      show(outcome, head, options);
      if (options.json !== undefined)
        writeFileSync(options.json, `${JSON.stringify({ machine: head, ...outcome }, null, 2)}\n`);
      return outcome.problems.length === 0 ? 0 : EXIT_FAULTS;
    } finally {
      await stop();
    }
  } finally {
    removeRoute();
  }
}

process.exit(await main());
