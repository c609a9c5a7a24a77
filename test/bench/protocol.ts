import type { Durations } from './statistics.ts';

/** What the harness asks of the sink; each request is answered by one message. */
export type SinkRequest =
  | {
      readonly kind: 'expect';
      readonly run: string;
      readonly count: number;
      /** Added to every reply, for a destination that is far away. */
      readonly roundTripMs: number;
    }
  | { readonly kind: 'report' };

export type SinkMessage =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'expecting' }
  /** Every message of the run has come once; said unasked. */
  | { readonly kind: 'complete'; readonly run: string }
  | { readonly kind: 'report'; readonly report: SinkReport };

/** What the sink saw of the run it expects. Times are milliseconds of the monotonic clock of the machine. */
export interface SinkReport {
  readonly run: string;
  /** Different Message-IDs of this run. */
  readonly distinct: number;
  /** Messages of this run that had come before. */
  readonly doubled: number;
  /** Messages of this run that came without TLS. */
  readonly clearText: number;
  /** Messages that no run of this harness knows. */
  readonly foreign: number;
  readonly octets: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** Connections that brought a message of this run. */
  readonly connections: number;
  /** At once, at most, of the connections that brought a message of this run. */
  readonly connectionsAtOnce: number;
  /** When the message with this sequence number came; null when it did not. */
  readonly arrivedAt: readonly (number | null)[];
  readonly dueToArrival: Durations | undefined;
}

/** What the harness asks of the load. */
export interface LoadRequest {
  readonly run: string;
  readonly ports: readonly number[];
  readonly count: number;
  /** Octets of a message, its header included. */
  readonly size: number;
  readonly sessions: number;
  /** Messages on one connection; 0: as many as there are. */
  readonly perConnection: number;
  /** Messages per second that are due whatever becomes of those before; undefined: each session sends when it can. */
  readonly rate: number | undefined;
}

export type LoadMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'sent'; readonly report: LoadReport }
  | { readonly kind: 'failed'; readonly problem: string };

export interface LoadReport {
  readonly accepted: number;
  /** Answers that asked to try again later, and were obeyed. */
  readonly deferred: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** When the message with this sequence number was accepted. */
  readonly acceptedAt: readonly number[];
  /** From the moment a message was due to its acceptance. */
  readonly accept: Durations | undefined;
}

/** The monotonic clock that all processes of a machine share, in milliseconds. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
