/**
 * What the product asks of Redis, measured with Redis 7.0 on one core of a Xeon by `npm run bench:scale -- --measure`. A
 * test counts the commands and the octets again; times differ from machine to machine, their proportions less: those of
 * `commit`, `begin`, `finish`, `wake` and `giveBack` were lowered by as much as cheaper scripts saved on another machine.
 */
export interface Cost {
  /** Commands that Redis carries out, those inside of scripts included: for a call, and for each copy (lease) in it. */
  readonly commands: number;
  readonly commandsEach: number;
  /** Microseconds of Redis's main thread, in the same way; bodies of 4 KB. */
  readonly microseconds: number;
  readonly microsecondsEach: number;
}

const cost = (
  commands: number,
  commandsEach: number,
  microseconds: number,
  microsecondsEach: number,
): Cost => ({
  commands,
  commandsEach,
  microseconds,
  microsecondsEach,
});

/** What copies cost, whoever carries them. */
export const COPY_COSTS = {
  /** Messages committed together, with their bodies. */
  commit: cost(8, 4, 30, 24),
  /** A job put into the queue. */
  add: cost(10, 0, 30, 0),
  confirm: cost(1, 0, 60, 0),
  /** The attempts of a job begun. */
  begin: cost(6, 2, 20, 9),
  /** Outcomes recorded together. */
  finish: cost(8, 3, 72, 7),
  /** A job taken out of the queue, and away when it is done. */
  handle: cost(24, 0, 68, 0),
  /** Beside that: a worker that waited is woken, and looks in vain whether another job waits. */
  wake: cost(15, 0, 180, 0),
  /** An attempt given back that was not made. */
  giveBack: cost(0, 6, 0, 9.5),
  /** A job put back until later. */
  putBack: cost(27, 0, 72, 0),
} as const satisfies Readonly<Record<string, Cost>>;

/** What processes cost because they are there, and their connections. */
export const STANDING_COSTS = {
  /** A worker without jobs, for a second: waits, stalled jobs, jobs counted. */
  idleWorker: cost(3.9, 0, 19, 0),
  /** A worker with jobs, for a second: their locks, stalled jobs, jobs counted. */
  busyWorker: cost(3.5, 0, 15, 0),
  /** The counters of all intakes, read by a process that has a destination. */
  lookAtCounters: cost(1, 0, 10, 0),
  /** The leases of a destination, read beside the counters; each: a lease. */
  countWorkers: cost(1, 0, 20, 0.06),
  /** One's own leases renewed; each: a lease. */
  renew: cost(2, 0, 20, 0.5),
  acquireLease: cost(6, 0, 30, 0),
  releaseLease: cost(1, 0, 20, 0),
  /** That an intake serves this worker, once a second at most. */
  tellServed: cost(3, 0, 25, 0),
  saveHost: cost(2, 0, 19, 0),
  /** A block of numbers. */
  takeIds: cost(2, 0, 30, 0),
  /** Of an intake: how full Redis is. */
  lookAtMemory: cost(1, 0, 24, 0),
  /** Of the monitor: what has expired, what has no job, what tracking need not know. */
  sweep: cost(7, 0, 75, 0),
} as const satisfies Readonly<Record<string, Cost>>;

export const COSTS = { ...COPY_COSTS, ...STANDING_COSTS };
export type Step = keyof typeof COSTS;

/** Octets of Redis's memory for a copy: its account and its share of a job, and with it a body that is as long as here. */
export const COPY_MEMORY = {
  queued4Kb: 7_500,
  queued100Kb: 117_500,
  tracked: 2_300,
} as const;

/** Connections to Redis that a process holds; an intake has one more with `TDC_REDIS_MIN_REPLICAS_ACK`. */
export const REDIS_CLIENTS = { intake: 2, delivery: 4, monitor: 1, policy: 1 } as const;
