import { type ConnectionState, type Dcid, type IntakeTls, nextConnectionState } from '@tdc/core';
import type { Patience } from '../patience.ts';
import type { CloseReason } from '../ports.ts';
import type { OutboundConnection } from '../smtp/outbound-connection.ts';

/** One connection of a destination. Its state, `copies` and `takesAhead` change through {@link Members} alone. */
export interface Member {
  readonly dcid: Dcid;
  readonly opening: AbortController;
  /** What it was secured by: a change of the intake's settings retires it. */
  readonly tls: IntakeTls;
  state: ConnectionState;
  connection?: OutboundConnection;
  messages: number;
  /** Those that have it now: one, and another in front of its turn. */
  copies: number;
  /** Its peer takes a copy in front of its turn. */
  takesAhead: boolean;
  /** When the last copy gave it back. */
  releasedAt: number;
  /** How long it may be at rest. */
  readonly idle: Patience;
  /** Why we close it; undefined when the peer did. */
  closedFor?: CloseReason;
}

/** The connections of a destination, in the order in which they were begun. What every copy asks of them is kept count of. */
export class Members {
  readonly #all = new Set<Member>();
  #copies = 0;
  #ahead = 0;
  #ready = 0;

  get size(): number {
    return this.#all.size;
  }

  /** Copies that have a connection. */
  get copies(): number {
    return this.#copies;
  }

  /** Connections whose peers take a copy in front of its turn. */
  get ahead(): number {
    return this.#ahead;
  }

  [Symbol.iterator](): IterableIterator<Member> {
    return this.#all[Symbol.iterator]();
  }

  /** Adds one that is about to be opened. */
  add(member: Member): void {
    this.#all.add(member);
  }

  delete(member: Member): void {
    if (!this.#all.delete(member)) return;
    this.#copies -= member.copies;
    if (member.takesAhead) this.#ahead -= 1;
    if (member.state === 'ready') this.#ready -= 1;
  }

  move(member: Member, event: Parameters<typeof nextConnectionState>[1]): void {
    const before = member.state;
    member.state = nextConnectionState(before, event);
    if (!this.#all.has(member)) return;
    if (before === 'ready') this.#ready -= 1;
    if (member.state === 'ready') this.#ready += 1;
  }

  /** A copy takes it. */
  take(member: Member): void {
    member.copies += 1;
    if (this.#all.has(member)) this.#copies += 1;
  }

  /** A copy gives it back. */
  giveBack(member: Member): void {
    member.copies -= 1;
    if (this.#all.has(member)) this.#copies -= 1;
  }

  takesAhead(member: Member): void {
    if (member.takesAhead) return;
    member.takesAhead = true;
    if (this.#all.has(member)) this.#ahead += 1;
  }

  /** The newest of those at rest that can be used. */
  newestReady(): Member | undefined {
    // Where copies wait there are none: none is looked at.
    if (this.#ready === 0) return undefined;
    let newest: Member | undefined;
    for (const member of this.#all)
      if (member.state === 'ready' && member.connection?.isUsable()) newest = member;
    return newest;
  }
}
