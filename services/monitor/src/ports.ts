import type { HostState, Intake, MailLogEvent } from '@tdc/core';
import type { JournalQueue, Ledger, RedisServerStatus } from '@tdc/platform';

/** What the sweeps work with. */
export interface SweepPorts {
  readonly ledger: Pick<
    Ledger,
    'expired' | 'finish' | 'orphans' | 'confirmQueued' | 'trimTracking' | 'countActive'
  >;
  readonly queue: Pick<JournalQueue, 'add' | 'find' | 'remove'>;
  readonly log: (event: MailLogEvent) => void;
  readonly observe: SweepObserver;
  readonly now: () => number;
}

/** Whether a batch was the last one of its sweep, or there is more to do at once. */
export type BatchEnd = 'more' | 'done';

/** What the sweeps count, in this process alone. */
export interface SweepObserver {
  expired(count: number): void;
  requeued(count: number): void;
  /** A sweep came to its end with something undone. */
  failed(): void;
}

/** What the views read. Every call rejects when Redis does not answer in time. */
export interface ViewPorts {
  readonly ledger: Pick<Ledger, 'counters' | 'oldestActive' | 'track' | 'activeCopies'>;
  readonly server: () => Promise<RedisServerStatus>;
  readonly connections: (intake: string) => Promise<number>;
  readonly hosts: (intakes: readonly string[]) => Promise<Readonly<Record<string, HostState>>>;
  /** The intakes of the policy in force, by alias; none while there is no policy. */
  readonly intakes: () => Readonly<Record<string, Intake>>;
  readonly now: () => number;
}
