import { COPY_COSTS, COSTS, type Cost, type Step } from './costs.ts';

interface Count {
  readonly calls: number;
  /** Copies, or leases, in them. */
  readonly items: number;
}

/** Commands of Redis and microseconds of its main thread. */
export interface Spent {
  readonly commands: number;
  readonly microseconds: number;
}

/** What Redis is asked for: copies, and what processes need because they are there and hold connections. */
const STEPS_FOR = {
  copies: Object.keys(COPY_COSTS) as (keyof typeof COPY_COSTS)[],
  looks: ['lookAtCounters', 'countWorkers'],
  leases: ['acquireLease', 'releaseLease', 'renew', 'tellServed'],
  workers: ['idleWorker', 'busyWorker'],
  hosts: ['saveHost'],
  numbers: ['takeIds'],
  memory: ['lookAtMemory'],
  sweep: ['sweep'],
} as const satisfies Readonly<Record<string, readonly Step[]>>;
export type Purpose = keyof typeof STEPS_FOR;

/** Those that processes have without any copy. */
export const STANDING_PURPOSES = (Object.keys(STEPS_FOR) as Purpose[]).filter(
  (purpose) => purpose !== 'copies',
);

const NOTHING: Count = { calls: 0, items: 0 };

/** Everything that Redis was asked for in a simulation. */
export class Tally {
  #counts = new Map<Step, Count>();

  add(step: Step, items = 0, calls = 1): void {
    const { calls: before, items: had } = this.#counts.get(step) ?? NOTHING;
    this.#counts.set(step, { calls: before + calls, items: had + items });
  }

  count(step: Step): Count {
    return this.#counts.get(step) ?? NOTHING;
  }

  /** Forgets what was counted so far. */
  reset(): void {
    this.#counts = new Map();
  }

  /** What a purpose has cost so far. */
  spentOn(purpose: Purpose): Spent {
    let commands = 0;
    let microseconds = 0;
    for (const step of STEPS_FOR[purpose]) {
      const { calls, items } = this.count(step);
      const cost: Cost = COSTS[step];
      commands += calls * cost.commands + items * cost.commandsEach;
      microseconds += calls * cost.microseconds + items * cost.microsecondsEach;
    }
    return { commands, microseconds };
  }
}

/** All of them together. */
export const sumOf = (parts: readonly Spent[]): Spent => ({
  commands: parts.reduce((sum, { commands }) => sum + commands, 0),
  microseconds: parts.reduce((sum, { microseconds }) => sum + microseconds, 0),
});
