import type {
  ConnectionEnds,
  CopyRoute,
  Dcid,
  DeliveryFailure,
  HostState,
  IntakeLimits,
  IntakeTls,
  MailLogEvent,
} from '@tdc/core';
import type { ResolveDestination } from './destination/resolve-destination.ts';
import type { OpenResult } from './smtp/outbound-connection.ts';

/** How copies are carried to an intake: from the newest policy revision, by alias. */
export interface Carriage {
  readonly tls: IntakeTls;
  readonly limits: IntakeLimits;
}

/** How busy a destination is, over all workers. */
export interface Load {
  readonly activeRecipients: number;
  readonly workers: number;
}

/** What workers know of each other's connections. Never rejects; answers false where it cannot be asked. */
export interface Ceiling {
  /** False when the ceiling is reached. */
  acquire(intake: string, dcid: Dcid, limit: number): Promise<boolean>;
  release(intake: string, dcid: Dcid): Promise<void>;
  /** The destination took a connection of this worker, or a copy over one. */
  served(intake: string): void;
  /** Whether it served another worker a moment ago. */
  servesOthers(intake: string): Promise<boolean>;
}

/** Opens one connection to one address. */
export type OpenTo = (
  target: {
    readonly address: string;
    readonly port: number;
    readonly hostName: string;
    readonly tls: IntakeTls;
    readonly onConnected: (ends: ConnectionEnds) => void;
  },
  signal: AbortSignal,
) => Promise<OpenResult>;

/** What a destination works with. */
export interface DestinationPorts {
  readonly resolve: ResolveDestination;
  readonly open: OpenTo;
  readonly ceiling: Ceiling;
  readonly nextDcid: () => Dcid | undefined;
  readonly carriage: (route: CopyRoute) => Carriage;
  readonly log: (event: MailLogEvent) => void;
  readonly observe: ConnectionObserver;
  /** Remembers what is new about a host, beside what is known of it. */
  readonly saveHost: (intake: string, change: Partial<HostState>) => void;
  readonly now: () => number;
}

/** Why a connection was closed; `lost` when it was not by us. */
export const CLOSE_REASONS = ['idle', 'used-up', 'changed', 'draining', 'lost'] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

/** Counts what happens to connections. */
export interface ConnectionObserver {
  opened(intake: string, seconds: number): void;
  failed(intake: string, failure: DeliveryFailure): void;
  closed(intake: string, reason: CloseReason): void;
}

export interface DestinationRules {
  readonly minConnections: number;
  readonly idleMs: number;
  /** Longest time between two attempts to reach a destination that is down. */
  readonly probeMs: number;
}
