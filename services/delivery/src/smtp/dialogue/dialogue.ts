import type { TLSSocket } from 'node:tls';
import type { NetworkFailureReason } from '@tdc/core';
import { Patience } from '../../patience.ts';
import { networkReason } from '../to-delivery-failure.ts';
import { ReplyReader, type WireReply } from './reply-reader.ts';

/** Why nothing more will be heard of the peer. */
export interface Loss {
  readonly reason: NetworkFailureReason;
  /** In the words of the system, or ours. */
  readonly detail: string;
}

interface Expectation {
  /** How long the reply may take from the moment at which it is the next one, however its octets come. */
  readonly limitMs: number;
  readonly answered: (reply: WireReply) => void;
}

export interface DialogueEvents {
  /** Told once, unless the dialogue was closed before. */
  lost(loss: Loss): void;
  /** A reply that nobody waits for. */
  unexpected(reply: WireReply): void;
}

/** The peer is not waited for longer once our side is closed. */
const CLOSE_MS = 1000;

/** What is said and answered over a secured socket: each reply goes to whoever expects the next one. */
export class Dialogue {
  readonly #socket: TLSSocket;
  readonly #events: DialogueEvents;
  readonly #replies = new ReplyReader();
  readonly #expected: Expectation[] = [];
  readonly #patience = new Patience(() => this.lose({ reason: 'timeout', detail: 'no answer in time' }));
  #drain: PromiseWithResolvers<void> | undefined;
  #isOver = false;

  constructor(socket: TLSSocket, events: DialogueEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on('data', (chunk: Buffer) => this.hear(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('error', ({ code, message }: NodeJS.ErrnoException) =>
      this.lose({ reason: networkReason(code), detail: message }),
    );
    for (const event of ['end', 'close'] as const) {
      socket.on(event, () => this.lose({ reason: 'closed', detail: 'connection closed' }));
    }
  }

  /** Whether anything can be said; false behind a loss, and when it was closed. */
  get isOpen(): boolean {
    return !this.#isOver;
  }

  /** Says this; false when no more should be said before {@link whenTaken}. */
  say(octets: string | Buffer): boolean {
    return this.#isOver || this.#socket.write(octets);
  }

  /** Holds back what is said until the microtasks that are due have run, so that it leaves as one. */
  gather(): void {
    this.#socket.cork();
    process.nextTick(() => this.#socket.uncork());
  }

  /** Resolves when the peer's side has taken what was said, or never will. Nothing may be expected meanwhile. */
  whenTaken(limitMs: number): Promise<void> {
    if (this.#isOver || !this.#socket.writableNeedDrain) return Promise.resolve();
    this.#patience.start(limitMs);
    this.#drain ??= Promise.withResolvers<void>();
    return this.#drain.promise;
  }

  /** Gives the next reply that nobody expects yet to `answered`. Behind the end nobody is told anything. */
  expect(limitMs: number, answered: Expectation['answered']): void {
    if (this.#isOver) return;
    this.#expected.push({ limitMs, answered });
    if (this.#expected.length === 1) this.#patience.start(limitMs);
  }

  /** Octets of the peer. */
  hear(chunk: Buffer): void {
    const replies = this.#replies.take(chunk);
    if (replies.length > 0) this.#patience.stop();
    for (const reply of replies) {
      if (this.#isOver) return;
      const expectation = this.#expected.shift();
      if (expectation === undefined) this.#events.unexpected(reply);
      else expectation.answered(reply);
    }
    const next = this.#expected[0];
    if (replies.length > 0 && next !== undefined) this.#patience.start(next.limitMs);
  }

  /** Ends it for a reason of the peer's, or because the peer is waited for in vain. */
  lose(loss: Loss): void {
    if (this.#isOver) return;
    this.close();
    this.#events.lost(loss);
  }

  /** Says and expects nothing more; never waits long for the peer to close its side. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#patience.close();
    this.#expected.length = 0;
    this.#drained();
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.end();
    const timer = setTimeout(() => socket.destroy(), CLOSE_MS).unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #drained(): void {
    if (this.#drain === undefined) return;
    this.#patience.stop();
    this.#drain.resolve();
    this.#drain = undefined;
  }
}
