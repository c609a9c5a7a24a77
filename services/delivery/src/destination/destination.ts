import {
  type ConnectionState,
  type CopyRoute,
  connectionTarget,
  type Dcid,
  type DeliveryFailure,
  nextConnectionState,
  toDcid,
} from '@tdc/core';
import type { DestinationPorts, DestinationRules, Load } from '../ports.ts';
import type { OutboundConnection } from '../smtp/smtp-connection.ts';
import { HostRecord } from './host-record.ts';
import { attemptToOpen, type OpenAttempt } from './open-attempt.ts';

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

interface Waiter {
  settle(acquisition: Acquisition): void;
}

interface Member {
  readonly dcid: Dcid;
  readonly opening: AbortController;
  /** What the connection was opened under: a change of settings retires it. */
  readonly settings: string;
  state: ConnectionState;
  connection?: OutboundConnection;
  messages: number;
  idle?: NodeJS.Timeout;
}

/** Copies that may wait for a connection beside those that have one: enough to keep each busy, not enough to hoard. */
export const PREFETCH = 8;

/** After a failed connection beside working ones, no more are opened for a while: the peer may have a limit. */
const GROWTH_PAUSE_MS = 5_000;
const FIRST_PROBE_MS = 500;
/** How long a copy waits for a place under the ceiling before it is handed back. */
const CEILING_PATIENCE_MS = 2_000;
const MIN_HAND_BACK_MS = 250;
const MAX_HAND_BACK_MS = 5_000;
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
  readonly #members = new Set<Member>();
  readonly #waiting: Waiter[] = [];
  #load: Load = { activeRecipients: 0, workers: 1 };
  #secondsPerCopy = 0;
  #growthFrom = 0;
  #probeFrom = 0;
  #probeDelay = FIRST_PROBE_MS;
  #probe: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(route: CopyRoute, ports: DestinationPorts, rules: DestinationRules) {
    this.route = route;
    this.#ports = ports;
    this.#rules = rules;
    this.host = new HostRecord(route.intake, ports);
  }

  get openConnections(): number {
    return this.#members.size;
  }

  get isIdle(): boolean {
    return this.#members.size === 0 && this.#waiting.length === 0;
  }

  /** Jobs this destination can make use of at once. */
  get capacity(): number {
    return Math.max(this.#rules.minConnections, this.#target()) + PREFETCH;
  }

  setLoad(load: Load): void {
    this.#load = load;
    if (this.#waiting.length > 0) this.#grow();
  }

  /** Waits for a connection, or for word that there is none. The abort ends the wait as `unavailable`. */
  acquire(signal: AbortSignal): Promise<Acquisition> {
    const ready = this.#takeReady();
    if (ready !== undefined) return Promise.resolve({ kind: 'lease', lease: this.#lease(ready) });
    if (this.#closing || signal.aborted || this.#waiting.length >= this.capacity) {
      return Promise.resolve({ kind: 'unavailable', retryInMs: this.#expectedWaitMs() });
    }
    return new Promise((resolve) => {
      const waiter: Waiter = {
        settle: (acquisition) => {
          signal.removeEventListener('abort', leave);
          resolve(acquisition);
        },
      };
      const leave = (): void => {
        const at = this.#waiting.indexOf(waiter);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        waiter.settle({ kind: 'unavailable', retryInMs: MIN_HAND_BACK_MS });
      };
      signal.addEventListener('abort', leave);
      this.#waiting.push(waiter);
      this.#grow();
    });
  }

  /** Hands waiting copies back and closes every connection that no copy holds. */
  close(): void {
    this.#closing = true;
    clearTimeout(this.#probe);
    this.#handBack();
    for (const member of this.#members) if (member.state !== 'delivering') this.#retire(member);
  }

  #target(): number {
    const here = this.#waiting.length + this.#delivering();
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

  #delivering(): number {
    return [...this.#members].filter(({ state }) => state === 'delivering').length;
  }

  /** Opens connections up to the target; one at a time while the destination is down. */
  #grow(): void {
    if (this.#closing || this.#waiting.length === 0) return;
    const now = this.#ports.now();
    if (this.host.isDown) {
      if (this.#members.size > 0) return;
      if (now < this.#probeFrom) this.#probeAt(this.#probeFrom - now);
      else this.#open();
      return;
    }
    const wanted = now < this.#growthFrom ? Math.min(1, this.#target()) : this.#target();
    while (this.#members.size < wanted) if (!this.#open()) return;
  }

  #probeAt(delayMs: number): void {
    clearTimeout(this.#probe);
    this.#probe = setTimeout(() => this.#grow(), delayMs);
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
      settings: JSON.stringify(carriage.tls),
      state: 'connecting',
      messages: 0,
    };
    this.#members.add(member);
    void this.#establish(member, carriage.limits.connections);
    return true;
  }

  async #establish(member: Member, ceiling: number): Promise<void> {
    const { dcid } = member;
    const { intake } = this.route;
    if (!(await this.#ports.ceiling.acquire(intake, dcid, ceiling))) {
      this.#members.delete(member);
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
    if (member.state !== 'connecting') {
      connection.quit();
      return;
    }
    this.#move(member, 'secured');
    this.#probeDelay = FIRST_PROBE_MS;
    this.host.reached();
    if (connection.isUsable()) this.#serve(member);
    // The probe has answered: now as many as the backlog wants.
    this.#grow();
  }

  #openFailed(member: Member, failed: Extract<OpenAttempt, { kind: 'failed' }>): void {
    this.#members.delete(member);
    void this.#ports.ceiling.release(this.route.intake, member.dcid);
    const now = this.#ports.now();
    if (this.#members.size > 0) {
      // Others stand or are being tried: the copies wait for them.
      this.#growthFrom = now + GROWTH_PAUSE_MS;
      return;
    }
    const { failure, dcid } = failed;
    if (failure.kind !== 'dns') {
      this.#probeFrom = now + this.#probeDelay;
      this.#probeDelay = Math.min(this.#probeDelay * 2, this.#rules.probeMs);
    }
    this.host.failed(failure);
    for (const waiter of this.#waiting.splice(0)) waiter.settle({ kind: 'failed', dcid, failure });
  }

  /** Every place under the ceiling is taken, by this process or by others. */
  #atCeiling(): void {
    this.#growthFrom = this.#ports.now() + CEILING_PATIENCE_MS;
    if (this.#members.size > 0) return;
    setTimeout(() => {
      if (this.#members.size === 0) this.#handBack();
    }, CEILING_PATIENCE_MS).unref();
  }

  #handBack(): void {
    const retryInMs = this.#expectedWaitMs();
    for (const waiter of this.#waiting.splice(0)) waiter.settle({ kind: 'unavailable', retryInMs });
  }

  /** How long the backlog takes at the pace of now: when a copy that finds no room should come back. */
  #expectedWaitMs(): number {
    const connections = Math.max(1, this.#members.size);
    const wait = (this.#waiting.length * (this.#secondsPerCopy || 0.2) * 1000) / connections;
    return Math.round(Math.min(MAX_HAND_BACK_MS, Math.max(MIN_HAND_BACK_MS, wait)));
  }

  /** The connection used last is taken first, so that surplus ones come to rest. */
  #takeReady(): Member | undefined {
    return [...this.#members].findLast(
      ({ state, connection }) => state === 'ready' && connection?.isUsable(),
    );
  }

  #serve(member: Member): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) waiter.settle({ kind: 'lease', lease: this.#lease(member) });
    else member.idle = setTimeout(() => this.#retire(member), this.#rules.idleMs);
  }

  #lease(member: Member): Lease {
    clearTimeout(member.idle);
    this.#move(member, 'delivery-started');
    member.messages += 1;
    const connection = member.connection as OutboundConnection;
    return { dcid: member.dcid, connection, release: (seconds) => this.#released(member, seconds) };
  }

  #released(member: Member, seconds: number): void {
    this.host.active();
    if (seconds > 0) {
      const mean = this.#secondsPerCopy;
      this.#secondsPerCopy = mean === 0 ? seconds : mean + SMOOTHING * (seconds - mean);
    }
    if (member.state !== 'delivering') return;
    this.#move(member, 'reply-received');
    const { limits, tls } = this.#ports.carriage(this.route);
    const used = member.messages >= limits.messagesPerConnection;
    const changed = JSON.stringify(tls) !== member.settings;
    if (used || changed || this.#closing || !member.connection?.isUsable()) {
      this.#retire(member);
      this.#grow();
    } else this.#serve(member);
  }

  #retire(member: Member): void {
    clearTimeout(member.idle);
    if (member.state === 'closed' || member.state === 'closing') return;
    this.#move(member, 'retire');
    if (member.connection === undefined) member.opening.abort();
    else member.connection.quit();
  }

  #gone(member: Member): void {
    clearTimeout(member.idle);
    if (member.state === 'closed') return;
    this.#move(member, 'closed');
    this.#members.delete(member);
    this.#ports.log({ kind: 'dcid-close', dcid: member.dcid });
    this.#ports.observe.closed(this.route.intake);
    void this.#ports.ceiling.release(this.route.intake, member.dcid);
    if (this.#waiting.length > 0) this.#grow();
  }

  #move(member: Member, event: Parameters<typeof nextConnectionState>[1]): void {
    member.state = nextConnectionState(member.state, event);
  }
}
