import { parseArgs } from 'node:util';
import { measureAll } from './measured/measure-all.ts';
import { type Load, runForReal } from './measured/real-run.ts';
import {
  type CheckRow,
  checkTable,
  drainTable,
  figuresOf,
  flowTable,
  idleTable,
  jobTable,
  limits,
  memoryTable,
  type Run,
  redisTable,
  standingTable,
} from './report.ts';
import { DELIVERY } from './rules.ts';
import { type Scenario, simulate } from './scenario.ts';

const USAGE = `usage: npm run bench:scale -- [options]
  --processes LIST    numbers of processes that deliver, and as many that take mail (10,30,100,300,1000)
  --ceiling N         limits.connections of the intake (100)
  --min N             TDC_MIN_CONNECTIONS of the processes that deliver (3)
  --rate N            messages in a second (200)
  --burst N           messages at once (10000)
  --seconds S         that the destination needs for a copy (0.2)
  --check             two small loads, simulated and in real time on a redis-server of its own; two minutes
  --measure           no simulation: measure again what it reckons with, against a redis-server of its own
`;
const EXIT_USAGE = 64;
const STRING = { type: 'string' } as const;

interface Plan {
  readonly processes: readonly number[];
  readonly ceiling: number;
  readonly min: number;
  readonly rate: number;
  readonly burst: number;
  readonly seconds: number;
}

function readPlan(): Plan | 'measure' | 'check' | undefined {
  try {
    const { values } = parseArgs({
      options: {
        processes: { ...STRING, default: '10,30,100,300,1000' },
        ceiling: { ...STRING, default: '100' },
        min: { ...STRING, default: String(DELIVERY.minConnections) },
        rate: { ...STRING, default: '200' },
        burst: { ...STRING, default: '10000' },
        seconds: { ...STRING, default: '0.2' },
        measure: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
      },
    });
    if (values.measure) return 'measure';
    if (values.check) return 'check';
    const plan = {
      processes: values.processes.split(',').map(Number),
      ceiling: Number(values.ceiling),
      min: Number(values.min),
      rate: Number(values.rate),
      burst: Number(values.burst),
      seconds: Number(values.seconds),
    };
    const numbers = [...plan.processes, plan.ceiling, plan.min, plan.rate, plan.burst, plan.seconds];
    return numbers.every((one) => one > 0) ? plan : undefined;
  } catch {
    return undefined;
  }
}

const say = (...texts: readonly string[]): void => void process.stdout.write(`${texts.join('\n\n')}\n\n`);

async function simulateAll(plan: Plan): Promise<void> {
  const { ceiling, min, rate, burst, seconds: secondsPerCopy } = plan;
  const calm: Omit<Scenario, 'processes'> = {
    ceiling,
    minConnections: min,
    secondsPerCopy,
    rate: 0,
    burst: 0,
    seconds: 300,
    fromSecond: 0,
  };
  const each = async (change: (processes: number) => Partial<Scenario>): Promise<readonly Run[]> => {
    const runs: Run[] = [];
    for (const processes of plan.processes)
      runs.push({ processes, outcome: await simulate({ ...calm, processes, ...change(processes) }) });
    return runs;
  };
  const steady = { rate, seconds: 60, fromSecond: 40 };
  const roomForAll = (processes: number): number => Math.max(ceiling, min * processes);
  const under = `under a ceiling of ${ceiling} connections`;
  const of = `${secondsPerCopy} s each`;

  const narrow = await each(() => steady);
  say(`## Steady: ${rate} copies/s of ${of}, ${under}`, flowTable(narrow), redisTable(narrow));
  const wide = await each((processes) => ({ ...steady, ceiling: roomForAll(processes) }));
  say(
    `## The same under a ceiling of ${min} connections for each process`,
    flowTable(wide),
    redisTable(wide),
    'Commands for processes, per second:',
    standingTable(wide),
  );
  say('## Nothing to do', idleTable(await each(() => ({ seconds: 20, fromSecond: 10 }))));
  say(`## ${burst} copies at once, ${under}`, drainTable(await each(() => ({ burst }))));
  say(
    `## The same under a ceiling of ${min} connections for each process`,
    drainTable(await each((processes) => ({ burst, ceiling: roomForAll(processes) }))),
  );
  const slower = { atSecond: 10, times: 10 };
  const slow = { rate: rate / 5, seconds: 90, fromSecond: 60, slower };
  say(
    `## ${rate / 5} copies/s, the destination 10 times slower from second 10 on, ${under}; from second 60`,
    flowTable(await each(() => slow)),
  );
  for (const how of ['killed', 'drained'] as const)
    say(
      `## ${burst} copies at once, the busiest process ${how} after 5 s, ${under}`,
      drainTable(await each(() => ({ burst, leaver: { atSecond: 5, how } }))),
    );
  say('## Redis, by copies in a job', jobTable([1, 8, 20]));
  say('## Memory of Redis', memoryTable([burst, rate * 120, 100_000]));
  say('## Limits', limits(wide, { ceiling, min }));
}

/** Fewer connections at the least than the load needs; and more processes than places. */
const CHECKED: readonly Load[] = [
  {
    processes: 2,
    ceiling: 100,
    minConnections: 3,
    secondsPerCopy: 0.2,
    rate: 60,
    seconds: 45,
    fromSecond: 25,
  },
  {
    processes: 12,
    ceiling: 4,
    minConnections: 3,
    secondsPerCopy: 0.2,
    rate: 15,
    seconds: 65,
    fromSecond: 25,
  },
];

async function check(): Promise<void> {
  const rows: CheckRow[] = [];
  for (const load of CHECKED) {
    const outcome = await simulate({ ...load, burst: 0 });
    rows.push({ load, kind: 'simulated', figures: figuresOf(outcome) });
    rows.push({ load, kind: 'real', figures: await runForReal(load) });
  }
  say('## Simulated, and in real time', checkTable(rows));
}

const plan = readPlan();
if (plan === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = EXIT_USAGE;
} else if (plan === 'measure') await measureAll(say);
else if (plan === 'check') await check();
else await simulateAll(plan);
