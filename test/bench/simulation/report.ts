import { formatNumber, renderTable } from '../table.ts';
import { COPY_COSTS, COPY_MEMORY, type Cost, REDIS_CLIENTS } from './costs.ts';
import type { Figures, Load } from './measured/real-run.ts';
import type { Outcome } from './scenario.ts';
import { type Purpose, type Spent, STANDING_PURPOSES, sumOf } from './tally.ts';

/** What came of a number of processes. */
export interface Run {
  readonly processes: number;
  readonly outcome: Outcome;
}

/** Share of one core that Redis may be busy: beyond it answers come late. */
export const REDIS_BUSY = 0.7;
/** `maxclients` of Redis as it comes. */
const MAX_CLIENTS = 10_000;
const MB = 1_000_000;

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const seconds = (value: number | undefined): string => (value === undefined ? '–' : `${value.toFixed(1)} s`);
const processesOf = ({ processes }: Run): string => whole(processes);

function table(runs: readonly Run[], columns: Readonly<Record<string, (run: Run) => string>>): string {
  return renderTable(
    ['processes', ...Object.keys(columns)],
    runs.map((run) => [processesOf(run), ...Object.values(columns).map((cell) => cell(run))]),
  );
}

const shares = ({ outcome: { shares: of } }: Run): string => `${whole(of.least)}–${whole(of.most)}`;
const without = ({ outcome: { shares: of } }: Run): string => whole(of.none);
const meanConnections = ({ outcome }: Run): string => whole(outcome.connections.mean);
const maxConnections = ({ outcome }: Run): string => whole(outcome.connections.max);

/** How copies fare that keep coming. */
export const flowTable = (runs: readonly Run[]): string =>
  table(runs, {
    'connections, mean': meanConnections,
    max: maxConnections,
    'copies/s': ({ outcome: { counted } }) => whole(counted.copies / counted.seconds),
    p50: ({ outcome }) => seconds(outcome.latency.p50),
    p99: ({ outcome }) => seconds(outcome.latency.p99),
    'put back/s': ({ outcome }) => whole(outcome.putBacks / outcome.counted.seconds),
    'copies of a process': shares,
    'without any': without,
  });

/** How a number of copies is worked off. */
export const drainTable = (runs: readonly Run[]): string =>
  table(runs, {
    'connections, mean': meanConnections,
    max: maxConnections,
    'drained in': ({ outcome }) => seconds(outcome.drainSeconds),
    'copies per job': ({ outcome }) => formatNumber(outcome.copiesPerJob),
    'put back': ({ outcome }) => whole(outcome.putBacks),
    'copies of a process': shares,
    'without any': without,
    expired: ({ outcome }) => whole(outcome.expired),
    doubled: ({ outcome: { doubled } }) => (doubled === undefined ? '–' : whole(doubled)),
  });

const standing = ({ redis }: Outcome): Spent => sumOf(STANDING_PURPOSES.map((purpose) => redis[purpose]));
/** Share of a core. */
const busy = ({ counted }: Outcome, { microseconds }: Spent): number => microseconds / 1e6 / counted.seconds;

/** Copies per second that Redis has the time for, beside the processes. */
export function copiesThatFit({ outcome }: Run): number {
  const { counted, redis } = outcome;
  const perCopy = redis.copies.microseconds / Math.max(1, counted.copies);
  return Math.max(0, (REDIS_BUSY - busy(outcome, standing(outcome))) * 1e6) / perCopy;
}

/** What Redis has to do, for copies and for processes. */
export const redisTable = (runs: readonly Run[]): string =>
  table(runs, {
    'commands per copy': ({ outcome: { redis, counted } }) =>
      formatNumber(redis.copies.commands / Math.max(1, counted.copies)),
    'for copies/s': ({ outcome: { redis, counted } }) => whole(redis.copies.commands / counted.seconds),
    'for processes/s': ({ outcome }) => whole(standing(outcome).commands / outcome.counted.seconds),
    'busy with copies': ({ outcome }) => percent(busy(outcome, outcome.redis.copies)),
    'with processes': ({ outcome }) => percent(busy(outcome, standing(outcome))),
    'copies/s that fit': (run) => whole(copiesThatFit(run)),
  });

const STANDING_TITLES: Readonly<Record<Exclude<Purpose, 'copies'>, string>> = {
  looks: 'looks',
  leases: 'leases',
  workers: 'waits, locks',
  hosts: 'hosts',
  numbers: 'numbers',
  memory: 'memory',
  sweep: 'sweep',
};

/** Where the commands go, per second, that are for processes. */
export const standingTable = (runs: readonly Run[]): string =>
  table(
    runs,
    Object.fromEntries(
      Object.entries(STANDING_TITLES).map(([purpose, title]) => [
        title,
        ({ outcome: { redis, counted } }: Run) => whole(redis[purpose as Purpose].commands / counted.seconds),
      ]),
    ),
  );

/** Connections to Redis, and what stands there without any copy. */
export const idleTable = (runs: readonly Run[]): string =>
  table(runs, {
    'connections to Redis': ({ processes }) => whole(clientsOf(processes)),
    'commands/s': ({ outcome }) => whole(standing(outcome).commands / outcome.counted.seconds),
    'busy with processes': ({ outcome }) => percent(busy(outcome, standing(outcome))),
  });

/** As many that deliver as that take mail, one monitor, two policy services. */
export const clientsOf = (processes: number): number =>
  processes * (REDIS_CLIENTS.delivery + REDIS_CLIENTS.intake) +
  REDIS_CLIENTS.monitor +
  2 * REDIS_CLIENTS.policy;

const JOB_STEPS = ['add', 'begin', 'handle'] as const;
const MESSAGE_STEPS = ['commit', 'confirm', 'finish'] as const;

/** What copies cost by how many of them share a job, and their calls with it. */
export function jobTable(sizes: readonly number[]): string {
  const perCopy = (size: number, of: (cost: Cost) => number): number =>
    [...JOB_STEPS, ...MESSAGE_STEPS].reduce((sum, step) => sum + of(COPY_COSTS[step]), 0) / size;
  const rows = sizes.map((size) => {
    const commands = perCopy(size, (cost) => cost.commands + size * cost.commandsEach);
    const microseconds = perCopy(size, (cost) => cost.microseconds + size * cost.microsecondsEach);
    return [
      whole(size),
      formatNumber(commands),
      whole(microseconds),
      whole((REDIS_BUSY * 1e6) / microseconds),
    ];
  });
  return renderTable(['copies in a job', 'commands per copy', 'µs per copy', 'copies/s that fit'], rows);
}

/** Memory of Redis for copies that wait, and for those that are tracked. */
export function memoryTable(copies: readonly number[]): string {
  const inMb = (bytes: number, count: number): string => `${whole((bytes * count) / MB)} MB`;
  return renderTable(
    ['copies', 'waiting, of 4 KB', 'waiting, of 100 KB', 'tracked'],
    copies.map((count) => [
      whole(count),
      inMb(COPY_MEMORY.queued4Kb, count),
      inMb(COPY_MEMORY.queued100Kb, count),
      inMb(COPY_MEMORY.tracked, count),
    ]),
  );
}

/** Where more processes are of no more use; `runs` with a ceiling that leaves each its share. */
export function limits(runs: readonly Run[], { ceiling, min }: { ceiling: number; min: number }): string {
  const affordable = runs.filter(({ outcome }) => busy(outcome, standing(outcome)) <= REDIS_BUSY / 10);
  const clients = Math.floor((MAX_CLIENTS - clientsOf(0)) / (clientsOf(1) - clientsOf(0)));
  return [
    `- ${Math.floor(ceiling / min)} processes have ${min} connections each under a ceiling of ${ceiling}; beyond ${ceiling} some have none`,
    `- ${whole(affordable.at(-1)?.processes ?? 0)} is the largest of these numbers whose processes take no more than a tenth of what Redis may be busy`,
    `- ${whole(clients)} processes that deliver and as many that take mail have all ${whole(MAX_CLIENTS)} connections that Redis allows`,
  ].join('\n');
}

/** What a simulation of a load came to, as a real run of it is told. */
export function figuresOf({ connections, latency, counted, redis }: Outcome): Figures {
  const { commands } = sumOf(Object.values(redis));
  return {
    connections: connections.mean,
    ...latency,
    copiesPerSecond: counted.copies / counted.seconds,
    commandsPerSecond: commands / counted.seconds,
  };
}

export interface CheckRow {
  readonly load: Load;
  readonly kind: 'simulated' | 'real';
  readonly figures: Figures;
}

/** A simulation beside what it simulates. */
export const checkTable = (rows: readonly CheckRow[]): string =>
  renderTable(
    ['', 'processes', 'ceiling', 'connections, mean', 'copies/s', 'p50', 'p99', 'commands/s'],
    rows.map(({ load, kind, figures }) => [
      kind,
      whole(load.processes),
      whole(load.ceiling),
      formatNumber(figures.connections),
      formatNumber(figures.copiesPerSecond),
      seconds(figures.p50),
      seconds(figures.p99),
      whole(figures.commandsPerSecond),
    ]),
  );
