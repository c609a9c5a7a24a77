import { type CopyRoute, connectionTarget, type Dcid, type DeliveryFailure, toDcid } from '@tdc/core';
import { MAX_COPIES_PER_JOB } from '@tdc/platform';
import { isSameTls } from '../carriage.ts';
import type { CutSignal } from '../cut-signal.ts';
import { Patience } from '../patience.ts';
import type { Carriage, CloseReason, DestinationPorts, DestinationRules, Load } from '../ports.ts';
import type { OutboundConnection } from '../smtp/outbound-connection.ts';
import { CEILING_PATIENCE_MS, Growth } from './growth.ts';
import { HostRecord } from './host-record.ts';
import { type Member, Members } from './members.ts';
import { attemptToOpen, type OpenAttempt } from './open-attempt.ts';
import { PeerLimit } from './peer-limit.ts';
import { TurnTimes } from './turn-times.ts';
import { WaitingLine } from './waiting-line.ts';

/** A connection in the hands of one copy. */
export interface Lease {
  readonly dcid: Dcid;
  readonly connection: OutboundConnection;
  /** The copy is done with it; whether it can be used again the connection itself knows. `seconds` the copy took. */
  release(seconds: number): void;
}

export type Acquisition =
  | { readonly kind: 'lease'; readonly lease: Lease }
  /** The destination was tried and failed: the copy's attempt has failed with it. */
  | { readonly kind: 'failed'; readonly dcid: Dcid; readonly failure: DeliveryFailure }
  /** No connection is to be had here now; nothing was tried. */
  | { readonly kind: 'unavailable'; readonly retryInMs: number };

/** Copies that may wait for a connection beside those that have one: enough to keep each busy, not enough to hoard. */
export const PREFETCH = 20;
/** Copies beyond its capacity that a destination keeps: the worker takes whole jobs, and learns late that it wants fewer. */
export const SURPLUS: number = MAX_COPIES_PER_JOB;
/** A destination that is done with all it has in this time keeps nobody waiting. */
const PATIENCE_SECONDS = 0.5;

/** Weight of the newest copy in the running mean of the time per copy. */
const SMOOTHING = 0.1;

/**
 * The connections of this process to one destination, and the copies that wait for one (spec §6). At least three as
 * soon as copies wait; more by the backlog; one at a time as a probe while the destination is down.
 */
export class Destination {
  readonly route: CopyRoute;
  readonly host: HostRecord;
  readonly #ports: DestinationPorts;
  readonly #rules: DestinationRules;
  readonly #members = new Members();
  readonly #waiting = new WaitingLine<Acquisition>();
  readonly #turns: TurnTimes;
  #load: Load = { activeRecipients: 0, workers: 1 };
  #secondsPerCopy = 0;
  /** By which none at rest is outdated. */
  #carriage: Carriage | undefined;
  readonly #growth: Growth;
  readonly #limit: PeerLimit;
  /** By a peer that has no room at the moment. */
  #isTurnedAway = false;
  #probe: NodeJS.Timeout | undefined;
  readonly #emptyListeners: (() => void)[] = [];
  #closing = false;

  constructor(route: CopyRoute, ports: DestinationPorts, rules: DestinationRules) {
    this.route = route;
    this.#ports = ports;
    this.#rules = rules;
    this.host = new HostRecord(route.intake, ports);
    this.#turns = new TurnTimes(ports.now);
    this.#growth = new Growth(rules.probeMs);
    this.#limit = new PeerLimit(route.intake, ports);
  }

  get openConnections(): number {
    return this.#members.size;
  }

  get waitingCopies(): number {
    return this.#waiting.length;
  }

  get isIdle(): boolean {
    return this.#members.size === 0 && this.#waiting.length === 0;
  }

  /** Whether one connection at a time is tried, and not at once. */
  get isProbing(): boolean {
    return this.host.isDown || this.#isTurnedAway;
  }

  /** Copies this destination can make use of at once: those on a connection or next on it, and some that wait. */
  get capacity(): number {
    return Math.max(this.#rules.minConnections, this.#target()) + this.#members.ahead + PREFETCH;
  }

  setLoad(load: Load): void {
    this.#load = load;
    this.#retireOutdated();
    if (this.#waiting.length > 0) this.#grow();
  }

  /** Copies here beyond the capacity. */
  get overshoot(): number {
    return Math.max(0, this.#waiting.length + this.#members.copies - this.capacity);
  }

  /**
   * Waits for a connection, or for word that there is none. The abort ends the wait as `unavailable`. A copy that came
   * `along` in the job of another is not sent back for want of room: the job stays for the other anyhow.
   */
  acquire(signal: CutSignal, along = false): Promise<Acquisition> {
    this.#retireOutdated();
    const ready = this.#members.newestReady();
    // The newest of those at rest is taken first, so that surplus ones stay at rest and close.
    if (ready !== undefined) return Promise.resolve({ kind: 'lease', lease: this.#lease(ready) });
    if (this.#closing || signal.aborted || (!along && this.#isFull()))
      return Promise.resolve(this.#comeBackLater());
    const answer = this.#waiting.join(signal, () => this.#comeBackLater());
    this.#grow();
    return answer;
  }

  /** Whether another copy would only wait here, with what could serve other destinations meanwhile. */
  #isFull(): boolean {
    // One copy waits for the probe; the others are for those whom the peer serves.
    if (this.#isTurnedAway) return this.#waiting.length > 0;
    const here = this.#waiting.length + this.#members.copies;
    if (here < this.capacity + SURPLUS) return false;
    const drainSeconds = (here * this.#secondsPerCopy) / Math.max(1, this.#members.size);
    return this.#secondsPerCopy === 0 || this.host.isDown || drainSeconds > PATIENCE_SECONDS;
  }

  /** Resolves when no connection is left. */
  whenEmpty(): Promise<void> {
    if (this.#members.size === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#emptyListeners.push(resolve));
  }

  /** Hands waiting copies back and closes every connection that no copy holds; the others close when they are given back. */
  close(): void {
    this.#closing = true;
    clearTimeout(this.#probe);
    this.host.save();
    this.#handBack();
    for (const member of this.#members) if (member.state !== 'delivering') this.#retire(member, 'draining');
  }

  #target(): number {
    const here = this.#waiting.length + this.#members.copies;
    const active = Math.max(this.#load.activeRecipients, here);
    const { limits } = this.#ports.carriage(this.route);
    const bounds = { min: Math.min(this.#rules.minConnections, limits.connections), max: limits.connections };
    const load = {
      activeRecipients: active,
      workers: this.#load.workers,
      secondsPerCopy: this.#secondsPerCopy,
    };
    return connectionTarget(load, bounds);
  }

  /** Opens connections up to the target, as far as there may be so many. */
  #grow(): void {
    if (this.#closing || this.#waiting.length === 0) return;
    const now = this.#ports.now();
    const limit = this.#growth.limit(this.#target(), now, this.isProbing);
    while (this.#members.size < limit) if (!this.#open()) return;
    if (limit > 0 || this.#members.size > 0) return;
    clearTimeout(this.#probe);
    this.#probe = setTimeout(() => this.#grow(), this.#growth.untilProbe(now));
  }

  /** Begins to open one connection; false when there is no number for it. */
  #open(): boolean {
    const number = this.#ports.nextDcid();
    if (number === undefined) {
      this.#handBack();
      return false;
    }
    const carriage = this.#ports.carriage(this.route);
    const member: Member = {
      dcid: toDcid(number),
      opening: new AbortController(),
      tls: carriage.tls,
      state: 'connecting',
      messages: 0,
      copies: 0,
      takesAhead: false,
      releasedAt: 0,
      idle: new Patience(() => this.#retire(member, 'idle'), this.#ports.now),
    };
    this.#members.add(member);
    void this.#establish(member, carriage.limits.connections);
    return true;
  }

  async #establish(member: Member, ceiling: number): Promise<void> {
    const { dcid } = member;
    const { intake } = this.route;
    if (!(await this.#ports.ceiling.acquire(intake, dcid, ceiling))) {
      this.#forget(member);
      this.#atCeiling();
      return;
    }
    const attempt = await attemptToOpen(this.#ports, {
      route: this.route,
      carriage: this.#ports.carriage(this.route),
      dcid,
      signal: member.opening.signal,
      resolved: (resolution) => this.host.resolved(resolution),
    });
    if (attempt.kind === 'failed') this.#openFailed(member, attempt);
    else this.#opened(member, attempt.connection);
  }

  #opened(member: Member, connection: OutboundConnection): void {
    member.connection = connection;
    connection.onClosed(() => this.#gone(member));
    connection.onFree(() => this.#serveAhead(member));
    if (member.state !== 'connecting') {
      connection.quit();
      return;
    }
    this.#members.move(member, 'secured');
    this.#growth.succeeded();
    this.#isTurnedAway = false;
    this.host.reached();
    this.#limit.served();
    this.#offer(member);
    // The probe has answered: now as many as the backlog wants.
    this.#grow();
  }

  #openFailed(member: Member, failed: Extract<OpenAttempt, { kind: 'failed' }>): void {
    this.#leave(member);
    // Given up by ourselves: that tells nothing of the peer.
    if (member.state === 'closing') return;
    const now = this.#ports.now();
    if (this.#members.size > 0) {
      // Others stand or are being tried: the copies wait for them.
      this.#growth.failedBesideOthers(now);
      return;
    }
    // A name server's "no" comes at once and harms nobody; the copies of the next second get the same.
    if (failed.failure.kind !== 'dns') this.#growth.failedAlone(now);
    if (this.#limit.mayExplain(failed.failure)) void this.#failOrHandBack(failed);
    else this.#failAll(failed);
  }

  #failAll({ failure, dcid }: Extract<OpenAttempt, { kind: 'failed' }>): void {
    this.host.failed(failure);
    this.#waiting.answerAll(() => ({ kind: 'failed', dcid, failure }));
  }

  /** A peer that has no room for a connection has failed no copy's attempt. */
  async #failOrHandBack(failed: Extract<OpenAttempt, { kind: 'failed' }>): Promise<void> {
    this.#isTurnedAway = true; // Nothing is opened until it is known.
    const isTurnedAway = await this.#limit.isReached();
    // Where the answer took so long that a probe was made meanwhile, that one tells.
    if (this.#closing || this.#members.size > 0) return;
    this.#isTurnedAway = isTurnedAway;
    if (isTurnedAway) this.#handBack();
    else this.#failAll(failed);
  }

  /** Every place under the ceiling is taken, by this process or by others. */
  #atCeiling(): void {
    this.#growth.metCeiling(this.#ports.now());
    if (this.#members.size > 0) return;
    setTimeout(() => {
      if (this.#members.size === 0) this.#handBack();
    }, CEILING_PATIENCE_MS).unref();
  }

  #handBack(): void {
    this.#waiting.answerAll(() => this.#comeBackLater());
  }

  #comeBackLater(): Acquisition {
    // Others may have room, in their time. While the host is down, each probe answers for as many copies as may wait for it.
    if (this.#isTurnedAway)
      return { kind: 'unavailable', retryInMs: this.#turns.next({ secondsPerCopy: 0, connections: 1 }) };
    const pace = this.host.isDown
      ? { secondsPerCopy: this.#rules.probeMs / 1000, connections: this.capacity }
      : { secondsPerCopy: this.#secondsPerCopy, connections: this.#members.size };
    return { kind: 'unavailable', retryInMs: this.#turns.next(pace) };
  }

  #serve(member: Member): void {
    const served = this.#waiting.answerFirst(() => ({ kind: 'lease', lease: this.#lease(member) }));
    if (!served) member.idle.start(this.#rules.idleMs);
  }

  /** Only the answer to the copy before it is out: one that waits goes next, where none is at rest anyhow. */
  #serveAhead(member: Member): void {
    this.#members.takesAhead(member);
    if (member.copies !== 1 || this.#whyUseless(member) !== undefined) return;
    this.#waiting.answerFirst(() => ({ kind: 'lease', lease: this.#lease(member) }));
  }

  /** No copy goes over a connection that was secured by other rules than those of now. */
  #retireOutdated(): void {
    const carriage = this.#ports.carriage(this.route);
    if (carriage === this.#carriage) return;
    this.#carriage = carriage;
    for (const member of this.#members)
      if (member.state === 'ready' && this.#isOutdated(member)) this.#retire(member, 'changed');
  }

  #isOutdated({ tls }: Member): boolean {
    return !isSameTls(tls, this.#ports.carriage(this.route).tls);
  }

  #lease(member: Member): Lease {
    member.idle.stop();
    this.#members.move(member, 'delivery-started');
    member.messages += 1;
    this.#members.take(member);
    const isAhead = member.copies > 1;
    const connection = member.connection as OutboundConnection;
    const release = (seconds: number): void => {
      // What it waited for the answer to another is no time of its own.
      const sinceAnother = (this.#ports.now() - member.releasedAt) / 1000;
      this.#released(member, isAhead ? Math.min(seconds, sinceAnother) : seconds);
    };
    return { dcid: member.dcid, connection, release };
  }

  #released(member: Member, seconds: number): void {
    this.host.active();
    this.#limit.served();
    this.#members.giveBack(member);
    member.releasedAt = this.#ports.now();
    if (seconds > 0) {
      const mean = this.#secondsPerCopy;
      this.#secondsPerCopy = mean === 0 ? seconds : mean + SMOOTHING * (seconds - mean);
    }
    if (member.state !== 'delivering') return;
    if (member.copies === 0) {
      this.#members.move(member, 'reply-received');
      this.#offer(member);
    }
    this.#grow();
  }

  /** The connection is free: for a copy that waits, or for a while, or not any more. */
  #offer(member: Member): void {
    const reason = this.#whyUseless(member);
    if (reason === undefined) this.#serve(member);
    else this.#retire(member, reason);
  }

  /** Why this connection carries no other copy; undefined when it does. */
  #whyUseless(member: Member): CloseReason | undefined {
    if (!member.connection?.isUsable()) return 'lost';
    if (this.#closing) return 'draining';
    if (this.#isOutdated(member)) return 'changed';
    const { messagesPerConnection } = this.#ports.carriage(this.route).limits;
    return member.messages >= messagesPerConnection ? 'used-up' : undefined;
  }

  #retire(member: Member, reason: CloseReason): void {
    member.idle.close();
    if (member.state === 'closed' || member.state === 'closing') return;
    member.closedFor = reason;
    this.#members.move(member, 'retire');
    if (member.connection === undefined) member.opening.abort();
    else member.connection.quit();
  }

  #gone(member: Member): void {
    member.idle.close();
    if (member.state === 'closed') return;
    this.#limit.gone();
    this.#members.move(member, 'closed');
    this.#ports.log({ kind: 'dcid-close', dcid: member.dcid });
    this.#ports.observe.closed(this.route.intake, member.closedFor ?? 'lost');
    this.#leave(member);
    if (this.#waiting.length > 0) this.#grow();
  }

  #leave(member: Member): void {
    this.#forget(member);
    void this.#ports.ceiling.release(this.route.intake, member.dcid);
  }

  #forget(member: Member): void {
    this.#members.delete(member);
    if (this.#members.size === 0) for (const listener of this.#emptyListeners.splice(0)) listener();
  }
}
