import type { Accounting } from './accounting.ts';
import type { Programs } from './programs.ts';

/** What every system gets to work with. */
export interface Ground {
  readonly programs: Programs;
  readonly accounting: Accounting;
  /** A new folder of its own for this instance. */
  readonly folder: string;
  readonly sinkPort: number;
  /** PEM file of the authority that the sink's certificate comes from. */
  readonly caFile: string;
  /** Connections to the sink, at most. */
  readonly connections: number;
  /** The program of Redis. */
  readonly redisServer: string;
  /** Octets that Redis may hold; undefined: any. */
  readonly redisBytes: number | undefined;
  readonly intakes: number;
  readonly deliveries: number;
  /** Folder for CPU profiles; undefined: none are made. */
  readonly profiles: string | undefined;
}

/** A system that takes mail and sends a copy of each message to the sink. */
export interface RunningSystem {
  /** Where it takes mail. */
  readonly ports: readonly number[];
  /** Ends it in order; what it still had to send is sent or dropped. */
  stop(): Promise<void>;
}

export interface SystemUnderTest {
  readonly name: string;
  start(ground: Ground): Promise<RunningSystem>;
}
