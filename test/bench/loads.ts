/** One kind of load, the same for every system. */
export interface LoadCase {
  readonly name: string;
  readonly count: number;
  /** Octets of a message. */
  readonly size: number;
  readonly sessions: number;
  /** Messages on one connection; 0: all that a session sends. */
  readonly perConnection: number;
  /** Messages per second that are due, for a load that does not wait for the system. */
  readonly rate?: number;
  /** By which the sink's replies are late. */
  readonly roundTripMs: number;
  /** To the sink, at most. */
  readonly connections: number;
  readonly redisBytes: number | undefined;
}

const KB_4 = 4096;
const KB_100 = 100_000;
const MB_1 = 1_000_000;
const MB_25 = 25_000_000;
/** As the chart's values have them. */
const CHART = { redisBytes: 512 * 1024 * 1024, connections: 100 };
const CLOSED = { ...CHART, sessions: 20, perConnection: 0, roundTripMs: 0 };

const LOADS: readonly LoadCase[] = [
  { ...CLOSED, name: '4 KB, many per connection', count: 16_000, size: KB_4 },
  { ...CLOSED, name: '4 KB, one per connection', count: 5_000, size: KB_4, perConnection: 1 },
  { ...CLOSED, name: '100 KB, many per connection', count: 3_000, size: KB_100 },
  { ...CLOSED, name: '100 KB, one per connection', count: 2_000, size: KB_100, perConnection: 1 },
  { ...CLOSED, name: '1 MB, many per connection', count: 500, size: MB_1 },
  { ...CLOSED, name: '1 MB, one per connection', count: 300, size: MB_1, perConnection: 1 },
  { ...CLOSED, name: '4 KB at 100/s', count: 2_000, size: KB_4, rate: 100 },
  { ...CLOSED, name: '4 KB at 500/s', count: 5_000, size: KB_4, rate: 500 },
  {
    ...CLOSED,
    name: '4 KB to a sink 20 ms away, 3 connections',
    count: 2_000,
    size: KB_4,
    roundTripMs: 20,
    connections: 3,
  },
  { ...CLOSED, name: '25 MB, 40 at once', count: 40, size: MB_25, sessions: 40, redisBytes: undefined },
  { ...CLOSED, name: '25 MB, 40 at once, Redis limited', count: 40, size: MB_25, sessions: 40 },
];

/** Behind so many a process of ours compiles a twentieth of what it does in the beginning. */
const WARM_UP_MOST = 16_000;

/** All loads, with so many times their messages; of each at least one for every session. */
export function scaledLoads(scale: number): readonly LoadCase[] {
  return LOADS.map((load) => ({
    ...load,
    count: Math.max(Math.min(load.sessions, load.count), Math.round(load.count * scale)),
  }));
}

/** What is sent before a load and not counted, so that no process is measured while it compiles its code. */
export function warmUpOf(load: LoadCase): LoadCase {
  const { rate: _, ...closed } = load;
  return { ...closed, count: Math.min(WARM_UP_MOST, load.count), size: Math.min(load.size, MB_1) };
}
