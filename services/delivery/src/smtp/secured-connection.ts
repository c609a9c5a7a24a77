import type { TLSSocket } from 'node:tls';
import { type ConnectionEnds, InvariantError } from '@tdc/core';
import type { CutSignal } from '../cut-signal.ts';
import { Dialogue, type Loss } from './dialogue/dialogue.ts';
import type { WireReply } from './dialogue/reply-reader.ts';
import { type Standing, Transaction, type TransactionHost } from './dialogue/transaction.ts';
import type { OutboundConnection, OutboundMessage, SendResult } from './outbound-connection.ts';
import type { ReleasedSocket } from './smtp-connection.ts';
import { NETWORK_TEXT } from './to-delivery-failure.ts';
import { type PeerLimits, whyUnconveyable } from './why-unconveyable.ts';

const QUIT_MS = 2000;

export interface SecuredConnectionOptions {
  readonly ends: ConnectionEnds;
  readonly peer: PeerLimits;
  readonly replyMs: number;
  readonly finalReplyMs: number;
}

/**
 * A connection whose TLS stands and whose peer has answered EHLO: carries copies, one transaction after the other, each
 * begun as soon as the one before it has nothing more to say.
 */
export class SecuredConnection implements OutboundConnection {
  readonly ends: ConnectionEnds;
  readonly protocol: string;
  /** OpenSSL's name of it, as the gateway logs it; TLS 1.3 has its own. */
  readonly cipher: string;
  readonly #socket: TLSSocket;
  readonly #dialogue: Dialogue;
  readonly #peer: PeerLimits;
  readonly #host: TransactionHost;
  #standing: Standing = 'fresh';
  /** Those that are not over: the first is to be answered next. */
  readonly #inFlight: Transaction[] = [];
  #carried = 0;
  #onFree: () => void = () => undefined;

  constructor({ socket, unread }: ReleasedSocket, options: SecuredConnectionOptions) {
    this.ends = options.ends;
    this.#peer = options.peer;
    this.#socket = socket;
    this.protocol = socket.getProtocol() ?? 'unknown';
    this.cipher = socket.getCipher().name;
    this.#dialogue = new Dialogue(socket, {
      lost: (loss) => this.#lost(loss),
      unexpected: (reply) => this.#unexpected(reply),
    });
    this.#host = {
      dialogue: this.#dialogue,
      extensions: options.peer.extensions,
      replyMs: options.replyMs,
      finalReplyMs: options.finalReplyMs,
      onLastOctets: () => this.#onFree(),
      onEnd: (transaction, standing) => this.#ended(transaction, standing),
    };
    if (unread.length > 0) this.#dialogue.hear(unread);
  }

  isUsable(): boolean {
    return this.#standing !== 'over';
  }

  onFree(listener: () => void): void {
    this.#onFree = listener;
  }

  onClosed(listener: () => void): void {
    if (this.#socket.closed) listener();
    else this.#socket.once('close', listener);
  }

  send(message: OutboundMessage, signal: CutSignal): Promise<SendResult> {
    if (!this.#takesNext())
      return Promise.reject(
        new InvariantError('a connection takes a copy only when the one before it is out'),
      );
    const failure = whyUnconveyable(message, this.#peer);
    if (failure !== undefined) return Promise.resolve({ kind: 'failed', failure });
    if (signal.aborted) return Promise.resolve({ kind: 'cut' });
    this.#carried += 1;
    const isReused = this.#carried > 1;
    if (this.#standing === 'over') return Promise.resolve(isReused ? { kind: 'stale' } : GONE);
    const resetFirst = this.#standing === 'refused';
    const transaction = new Transaction(message, { host: this.#host, resetFirst, isReused }, signal);
    this.#inFlight.push(transaction);
    return transaction.result;
  }

  quit(): void {
    const isAtRest = this.isUsable() && this.#inFlight.length === 0;
    this.#standing = 'over';
    // In the midst of a copy the command would be taken for its text.
    if (isAtRest) {
      this.#dialogue.say('QUIT\r\n');
      this.#dialogue.expect(QUIT_MS, () => this.#dialogue.close());
    } else this.#drop();
  }

  #takesNext(): boolean {
    const [front, next] = this.#inFlight;
    return front === undefined || (next === undefined && front.allowsNext);
  }

  #ended(transaction: Transaction, standing: Standing): void {
    const wasInTurn = this.#inFlight[0] === transaction;
    if (wasInTurn) this.#inFlight.shift();
    // There is one behind the first at most. One that was lost is not there any more.
    else if (this.#inFlight[1] === transaction) this.#inFlight.pop();
    if (standing === 'over') this.#standing = 'over';
    // What was said of a message is forgotten with its end: it does not touch the envelope behind it.
    else if (this.isUsable() && this.#inFlight.length === 0) this.#standing = standing;
    if (!this.isUsable() && wasInTurn) this.#drop();
  }

  #lost(loss: Loss): void {
    this.#standing = 'over';
    const [front, ...others] = this.#inFlight.splice(0);
    front?.lost(loss);
    // A copy that was not in turn was not waited for in vain, whatever the one before it was.
    for (const transaction of others) transaction.lost({ ...loss, reason: 'closed' });
  }

  /** Nothing was asked: at rest that is a goodbye. */
  #unexpected(reply: WireReply): void {
    this.#standing = 'over';
    if (this.#inFlight[0] === undefined) this.#drop();
    else this.#inFlight[0].unexpected(reply);
  }

  #drop(): void {
    this.#dialogue.lose({ reason: 'closed', detail: 'the connection was given up' });
  }
}

const GONE: SendResult = {
  kind: 'failed',
  failure: { kind: 'network', reason: 'closed', detail: NETWORK_TEXT.closed },
};
