import type { JournalCopy, Mid } from '@tdc/core';
import type { QueuedCopies } from '@tdc/platform';
import { CONNECTION_LEASE_MS } from '@tdc/platform';
import { Tally } from './tally.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What is known of a copy, as the ledger's record has it. */
export interface CopyRecord {
  readonly copy: JournalCopy;
  attempts: number;
  /** A failed attempt is not repeated before, ms. */
  until: number;
  /** The end of the attempt's lease, ms; 0 while nobody attempts it. */
  lease: number;
  outcome: 'delivered' | 'hard-bounced' | 'deleted' | undefined;
}

/** A job in the queue. */
export interface Job {
  readonly data: QueuedCopies;
}

/** A worker that waits for a job, and is told once that there is one. */
export type Waker = () => void;

/**
 * What all processes share in Redis: the account of the copies, the queue, the places under the ceiling. It follows the
 * scripts as far as scaling goes, and counts what they cost.
 */
export class SharedStore {
  readonly tally = new Tally();
  readonly time: VirtualTime;
  readonly records = new Map<Mid, CopyRecord>();
  /** Copies without an outcome. */
  active = 0;
  /** Outcomes, and when the last of them was recorded, ms. */
  finished = 0;
  finishedAt = 0;
  /** Milliseconds from the commit to the outcome, of those that were delivered. */
  readonly latencies: number[] = [];
  readonly #waiting: Job[] = [];
  readonly #asleep: Waker[] = [];
  /** The end of each lease, by worker and DCID. */
  readonly #leases = new Map<string, number>();
  readonly #leasesOf = new Map<string, number>();

  constructor(time: VirtualTime) {
    this.time = time;
  }

  get waitingJobs(): number {
    return this.#waiting.length;
  }

  commit(copies: readonly JournalCopy[]): void {
    this.tally.add('commit', copies.length);
    for (const copy of copies) {
      this.records.set(copy.mid, { copy, attempts: 0, until: 0, lease: 0, outcome: undefined });
      this.active += 1;
    }
  }

  /** For whoever waits longest, or the next who looks. */
  addJobs(jobs: readonly Job[]): void {
    this.#waiting.push(...jobs);
    this.wakeOne();
  }

  /** Until this time, ms since the epoch. */
  putBack(job: Job, at: number): void {
    setTimeout(() => this.addJobs([job]), Math.max(1, at - this.time.now()));
  }

  /** Who takes a job wakes the next, while there are more. */
  takeJob(): Job | undefined {
    const job = this.#waiting.shift();
    if (this.#waiting.length > 0) this.wakeOne();
    return job;
  }

  /** Behind whoever waits longer; at once when there are jobs. */
  sleep(waker: Waker): void {
    if (this.#waiting.length > 0) waker();
    else this.#asleep.push(waker);
  }

  /** Tells the worker that has waited longest that there are jobs. */
  wakeOne(): void {
    this.#asleep.shift()?.();
  }

  /** Records an outcome; true once per copy. */
  finish(mid: Mid, outcome: Exclude<CopyRecord['outcome'], undefined>): boolean {
    const record = this.records.get(mid);
    if (record === undefined || record.outcome !== undefined) return false;
    record.outcome = outcome;
    record.lease = 0;
    this.active -= 1;
    this.finished += 1;
    this.finishedAt = this.time.now();
    if (outcome === 'delivered') this.latencies.push(this.finishedAt - record.copy.enqueuedAt);
    return true;
  }

  /** Ends what is past its deadline and attempted by nobody, as the monitor's sweep does. */
  sweep(): void {
    this.tally.add('sweep');
    const now = this.time.now();
    for (const { copy, lease, outcome } of this.records.values())
      if (outcome === undefined && copy.expiresAt <= now && lease <= now)
        this.finish(copy.mid, 'hard-bounced');
  }

  /** A place under the ceiling; false when there is none. */
  acquireLease(worker: string, dcid: number, limit: number): boolean {
    this.tally.add('acquireLease');
    this.#dropLeases();
    if (this.#leases.size >= limit) return false;
    this.#leases.set(`${worker}/${dcid}`, this.time.now() + CONNECTION_LEASE_MS);
    this.#leasesOf.set(worker, (this.#leasesOf.get(worker) ?? 0) + 1);
    return true;
  }

  releaseLease(worker: string, dcid: number): void {
    this.tally.add('releaseLease');
    this.#forgetLease(`${worker}/${dcid}`);
  }

  renewLeases(worker: string): void {
    const held = this.#leasesOf.get(worker) ?? 0;
    if (held === 0) return;
    this.tally.add('renew', held);
    for (const member of this.#leases.keys())
      if (member.startsWith(`${worker}/`)) this.#leases.set(member, this.time.now() + CONNECTION_LEASE_MS);
  }

  get openConnections(): number {
    this.#dropLeases();
    return this.#leases.size;
  }

  /** Workers that hold connections. */
  countWorkers(): number {
    this.tally.add('countWorkers', this.#leases.size);
    return this.#leasesOf.size;
  }

  #dropLeases(): void {
    const now = this.time.now();
    for (const [member, end] of this.#leases) if (end <= now) this.#forgetLease(member);
  }

  #forgetLease(member: string): void {
    if (!this.#leases.delete(member)) return;
    const worker = member.slice(0, member.lastIndexOf('/'));
    const left = (this.#leasesOf.get(worker) ?? 1) - 1;
    if (left === 0) this.#leasesOf.delete(worker);
    else this.#leasesOf.set(worker, left);
  }
}
