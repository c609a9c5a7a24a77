import { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type ConnectionEnds, type DeliveryFailure, parseReply } from '@tdc/core';
import type { OutboundConnection, OutboundMessage, SendResult } from './outbound-connection.ts';
import type { JournalSmtpConnection } from './smtp-connection.ts';
import { type SmtpClientError, toDeliveryFailure } from './to-delivery-failure.ts';
import { whyUnconveyable } from './why-unconveyable.ts';

const QUIT_MS = 2000;
/** RSET costs the peer nothing: one that does not answer it soon is not worth waiting for. */
const RESET_MS = 5000;

/** `fresh`: the dialogue is where MAIL may be said. `refused`: RSET must come first. `ended`: of no use any more. */
type State = 'fresh' | 'refused' | 'ended';

/** How far the peer has the copy. `answer`: the final dot is out. */
type Progress = 'envelope' | 'body' | 'answer';

interface Transaction {
  /** What ended it; undefined when the peer accepted the copy. */
  readonly ended: SmtpClientError | 'cut' | undefined;
  readonly progress: Progress;
  /** What the content threw. */
  readonly thrown: { readonly error: unknown } | undefined;
}

interface Times {
  readonly replyMs: number;
  readonly finalReplyMs: number;
}

/** A connection whose TLS stands: carries copies over the library's dialogue, and always knows how far one has come. */
export class SecuredConnection implements OutboundConnection {
  readonly ends: ConnectionEnds;
  readonly protocol: string;
  /** OpenSSL's name of it, as the gateway logs it; TLS 1.3 has its own. */
  readonly cipher: string;
  readonly #library: JournalSmtpConnection;
  readonly #socket: TLSSocket;
  readonly #times: Times;
  #state: State = 'fresh';
  #onEnd: () => void = () => undefined;
  #lastError: SmtpClientError | undefined;
  #carried = 0;

  constructor(library: JournalSmtpConnection, ends: ConnectionEnds, times: Times) {
    this.#library = library;
    this.ends = ends;
    this.#times = times;
    this.#socket = library._socket as TLSSocket;
    this.protocol = this.#socket.getProtocol() ?? 'unknown';
    this.cipher = this.#socket.getCipher().name;
    this.#rest();
    library.on('end', () => this.#end());
    // The library tells listeners before it tells whoever waits for an answer.
    library.on('error', (error: SmtpClientError) => {
      this.#lastError = error;
    });
  }

  isUsable(): boolean {
    return this.#state !== 'ended' && !this.#library.destroyed;
  }

  onClosed(listener: () => void): void {
    if (this.#socket.closed) listener();
    else this.#socket.once('close', listener);
  }

  async send(message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    const failure = whyUnconveyable(message, this.#library);
    if (failure !== undefined) return { kind: 'failed', failure };
    if (this.#state === 'refused' && !(await this.#reset())) {
      this.#drop();
      return { kind: 'stale' };
    }
    if (signal.aborted) return { kind: 'cut' };
    this.#carried += 1;
    const transaction = await this.#transact(message, signal);
    this.#rest();
    return this.#resultOf(transaction);
  }

  quit(): void {
    const canBeTold = this.isUsable();
    this.#state = 'ended';
    if (canBeTold) this.#library.quit();
    setTimeout(() => this.#library.close(), canBeTold ? QUIT_MS : 0).unref();
  }

  #resultOf({ ended, progress, thrown }: Transaction): SendResult {
    if (thrown !== undefined || ended === 'cut') {
      this.#drop();
      return thrown === undefined ? { kind: 'cut' } : { kind: 'content-failed', error: thrown.error };
    }
    if (ended !== undefined) return this.#failed(ended, progress);
    if (progress === 'answer') {
      return { kind: 'delivered', reply: parseReply(String(this.#library.lastServerResponse)) };
    }
    this.#drop();
    const detail = 'the server accepted the message before its end';
    return { kind: 'failed', failure: { kind: 'network', reason: 'closed', detail } };
  }

  #failed(error: SmtpClientError, progress: Progress): SendResult {
    const failure = toDeliveryFailure(error, progress === 'answer' ? 'answer' : 'transaction');
    // Refused while the message flows: what is left of it would be taken for commands, and commands for its text.
    const inStep = progress !== 'body' && this.isUsable();
    const isRefusal = failure.kind === 'smtp-reply' && failure.reply.code !== 421;
    if (inStep && isRefusal) this.#state = 'refused';
    else if (!inStep || failure.kind !== 'unconveyable') this.#drop();
    return this.#carried > 1 && this.#isUnanswered(failure) ? { kind: 'stale' } : { kind: 'failed', failure };
  }

  /** The peer had gone before it saw anything of the copy. A time-out tells nothing of the kind. */
  #isUnanswered(failure: DeliveryFailure): boolean {
    if (failure.kind === 'network')
      return failure.reason !== 'timeout' && this.#library.lastServerResponse === false;
    return failure.kind === 'smtp-reply' && failure.reply.code === 421 && failure.stage === 'mail';
  }

  /** Says MAIL, RCPT, DATA and the message. The first of callback, end, timer and abort settles. */
  #transact(message: OutboundMessage, signal: AbortSignal): Promise<Transaction> {
    const library = this.#library;
    const { replyMs, finalReplyMs } = this.#times;
    let progress: Progress = 'envelope';
    let thrown: Transaction['thrown'];
    let answerTimer: NodeJS.Timeout | undefined;
    const { promise, resolve } = Promise.withResolvers<Transaction>();
    const settle = (ended: Transaction['ended']): void => {
      clearTimeout(answerTimer);
      signal.removeEventListener('abort', onAbort);
      this.#onEnd = () => undefined;
      resolve({ ended, progress, thrown });
    };
    const onAbort = (): void => {
      if (progress !== 'answer') settle('cut');
    };
    const onMessageOut = (): void => {
      progress = 'answer';
      // Not the socket's timer, which every octet of a dripping peer starts anew.
      this.#socket.setTimeout(0);
      const late = { message: 'no answer to the message in time', code: 'ETIMEDOUT' };
      answerTimer = setTimeout(() => settle(late), finalReplyMs);
      message.onFinalDot();
    };
    async function* watched() {
      progress = 'body';
      library.onceMessageOut(onMessageOut);
      try {
        yield* message.content;
      } catch (error) {
        thrown = { error };
        throw error;
      }
    }
    // Behind a 421 the library tells the end first and the reply at once after it.
    this.#onEnd = () =>
      queueMicrotask(() => settle(this.#lastError ?? { message: 'connection closed', code: 'ECONNECTION' }));
    signal.addEventListener('abort', onAbort);
    library.asksForSmtpUtf8 = message.smtpUtf8 !== 'no' && library.extensions.includes('SMTPUTF8');
    library.lastServerResponse = false;
    this.#socket.setTimeout(replyMs);
    const { sender: from, recipient, sizeBytes: size, eightBit: use8BitMime } = message;
    const source = Readable.from(watched(), { objectMode: false });
    library.send({ from, to: [recipient], size, use8BitMime }, source, (error) => settle(error ?? undefined));
    return promise;
  }

  /** Back to the start of the dialogue: a transaction that was refused half-way would spoil the next one. */
  #reset(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const settle = (done: boolean): void => {
      clearTimeout(timer);
      this.#onEnd = () => undefined;
      if (done) this.#state = 'fresh';
      resolve(done);
    };
    const timer = setTimeout(() => settle(false), RESET_MS);
    this.#onEnd = () => settle(false);
    this.#library.reset((error) => settle(error === null || error === undefined));
    return promise;
  }

  /** Nothing is expected of the peer: it has no time-out but the one of whoever keeps the connection. */
  #rest(): void {
    if (!this.#socket.destroyed) this.#socket.setTimeout(0);
  }

  #drop(): void {
    this.#state = 'ended';
    this.#library.close();
  }

  #end(): void {
    this.#state = 'ended';
    this.#onEnd();
  }
}
