import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type Accounting, cpuBetween, proportionalMemory } from './accounting.ts';
import { describeFaults, type Faults, type Figures, faultsOf, figuresOf } from './figures.ts';
import { type LoadCase, warmUpOf } from './loads.ts';
import type { Load, Sink } from './peers.ts';
import type { Programs } from './programs.ts';
import type { LoadReport } from './protocol.ts';
import type { Ground, RunningSystem, SystemUnderTest } from './system-under-test.ts';

/** The parts of the benchmark that outlive a run. */
export interface Bench {
  readonly folder: string;
  readonly caFile: string;
  readonly programs: Programs;
  /** The program of Redis. */
  readonly redisServer: string;
  readonly accounting: Accounting;
  readonly sink: Sink;
  readonly load: Load;
  readonly intakes: number;
  readonly deliveries: number;
  /** Aborted when somebody wants an end: sink and load are gone then, and what runs fails. */
  readonly stopped: AbortSignal;
  /** A run that others disturbed is made anew, so often in all. */
  readonly tries: number;
}

/** One run of one load against one system. */
export interface Run {
  readonly figures: Figures;
  readonly faults: Faults;
  /** Share of a core that others took meanwhile. */
  readonly foreign: number;
  readonly disturbed: boolean;
  readonly tries: number;
}

/** Of a core: what others may use before a run begins, and during it. */
const QUIET_CORE = 0.08;
const DISTURBED_CORE = 0.12;
const QUIET_STEP_MS = 400;
const QUIET_WAIT_MS = 20_000;
/** To count the pages of all processes takes a few hundredths of the machine's time: seldom, unless messages are large. */
const MEMORY_EVERY_MS = { short: 1000, large: 250 };
const LARGE_BYTES = 1_000_000;
/** What a system still has to do when its last copy is out counts to it, too. */
const AFTERMATH_MS = 500;
const COMPLETE_MS = 60_000;
/** The slowest of all pairs of load and system that is waited for. */
const SLOWEST_PER_SECOND = 5;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits for others to leave the machine alone, for a while. */
async function quiet({ accounting }: Bench): Promise<void> {
  const deadline = Date.now() + QUIET_WAIT_MS;
  for (;;) {
    const before = accounting.cpu();
    await pause(QUIET_STEP_MS);
    if (cpuBetween(before, accounting.cpu()).foreign < QUIET_CORE || Date.now() > deadline) return;
  }
}

/** Follows the memory of a system and its Redis: the most they held at once, in octets. */
function watchMemory(
  { accounting }: Bench,
  { size }: LoadCase,
): { readonly peak: () => number; readonly stop: () => void } {
  let peak = 0;
  const sample = (): void => {
    const pids = [...accounting.pids('system'), ...accounting.pids('redis')];
    peak = Math.max(peak, proportionalMemory(pids));
  };
  sample();
  const timer = setInterval(sample, MEMORY_EVERY_MS[size < LARGE_BYTES ? 'short' : 'large']);
  return { peak: () => peak, stop: () => clearInterval(timer) };
}

/** Sends the load and waits until the sink has all of it; false when something is missing. */
async function carry(
  bench: Bench,
  system: RunningSystem,
  load: LoadCase,
  run: string,
): Promise<{ readonly sent: LoadReport; readonly complete: boolean }> {
  const { count, size, sessions, perConnection, rate, roundTripMs } = load;
  await bench.sink.expect({ run, count, roundTripMs });
  const sent = await bench.load.send({
    run,
    ports: system.ports,
    count,
    size,
    sessions,
    perConnection,
    rate,
  });
  const complete = await bench.sink.complete(COMPLETE_MS + (count / SLOWEST_PER_SECOND) * 1000);
  return { sent, complete };
}

async function measure(bench: Bench, system: RunningSystem, load: LoadCase, run: string) {
  const warm = await carry(bench, system, warmUpOf(load), `warm-${run}`);
  if (!warm.complete) throw new Error('the messages before the load were not all delivered');
  if (bench.tries > 1) await quiet(bench);
  const memory = watchMemory(bench, load);
  try {
    const before = bench.accounting.cpu();
    const { sent } = await carry(bench, system, load, run);
    const seen = await bench.sink.report();
    await pause(AFTERMATH_MS);
    const cpu = cpuBetween(before, bench.accounting.cpu());
    return { figures: figuresOf({ load, sent, seen, cpu, peakBytes: memory.peak() }), foreign: cpu.foreign };
  } finally {
    memory.stop();
  }
}

async function runOnce(
  bench: Bench,
  system: SystemUnderTest,
  load: LoadCase,
  run: string,
  profiles: string | undefined,
): Promise<Omit<Run, 'tries' | 'disturbed'>> {
  // A short name: the sockets below it must fit into 107 octets.
  const folder = mkdtempSync(join(bench.folder, 'run-'));
  const ground: Ground = {
    programs: bench.programs,
    accounting: bench.accounting,
    folder,
    sinkPort: bench.sink.port,
    caFile: bench.caFile,
    connections: load.connections,
    redisServer: bench.redisServer,
    redisBytes: load.redisBytes,
    intakes: bench.intakes,
    deliveries: bench.deliveries,
    profiles,
  };
  if (profiles !== undefined) mkdirSync(profiles, { recursive: true });
  let measured: Awaited<ReturnType<typeof measure>>;
  try {
    const running = await system.start(ground);
    measured = await measure(bench, running, load, run);
    await running.stop();
  } finally {
    // After a failure there is no order to keep.
    await bench.programs.stop(['system', 'redis']);
  }
  // Only now nothing can come any more, twice or in clear text.
  return { ...measured, faults: faultsOf(load, await bench.sink.report()) };
}

/**
 * Runs the load once, and again when others disturbed it; of the runs that were all disturbed the least one counts, and is
 * marked. A fault is never made good by trying again.
 */
export async function runUndisturbed(
  bench: Bench,
  system: SystemUnderTest,
  load: LoadCase,
  { run, profiles }: { readonly run: string; readonly profiles: string | undefined },
): Promise<Run> {
  let best: Run | undefined;
  for (let tries = 1; tries <= bench.tries; tries += 1) {
    const once = await runOnce(bench, system, load, `${run}-${tries}`, profiles);
    const result: Run = { ...once, tries, disturbed: once.foreign > DISTURBED_CORE };
    if (describeFaults(result.faults) !== undefined) return result;
    if (best === undefined || result.foreign < best.foreign) best = { ...result, tries };
    if (!result.disturbed) break;
  }
  if (best === undefined) throw new Error('no run was made');
  return best;
}
