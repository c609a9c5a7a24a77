import type { DeliveryFailure, SmtpStage } from '@tdc/core';
import type { CutSignal } from '../../cut-signal.ts';
import type { OutboundMessage, SendResult } from '../outbound-connection.ts';
import { NETWORK_TEXT } from '../to-delivery-failure.ts';
import type { Dialogue, Loss } from './dialogue.ts';
import { DotStuffing } from './dot-stuffing.ts';
import { envelopeCommands } from './envelope.ts';
import { readReply, type WireReply } from './reply-reader.ts';

/** How the dialogue stands. `fresh`: MAIL may be said. `refused`: RSET must come first. `over`: nothing may be said. */
export type Standing = 'fresh' | 'refused' | 'over';

/** The connection that a transaction is on. */
export interface TransactionHost {
  readonly dialogue: Dialogue;
  readonly extensions: readonly string[];
  readonly replyMs: number;
  readonly finalReplyMs: number;
  /**
   * Called where the peer offers PIPELINING, when the last octets are about to leave: what is said in the microtasks that
   * follow leaves with them (RFC 2920 §3.1).
   */
  readonly onLastOctets: () => void;
  /** Called once, before the result is known to whoever sends. */
  readonly onEnd: (transaction: Transaction, standing: Standing) => void;
}

export interface TransactionOptions {
  readonly host: TransactionHost;
  /** What was refused before must be forgotten first. */
  readonly resetFirst: boolean;
  /** The connection has carried other copies: the peer may have ended it before it saw anything of this one. */
  readonly isReused: boolean;
}

type Step = 'reset' | 'mail' | 'rcpt' | 'data';
type Command = readonly [step: Step, line: string];
type Refusal = Extract<DeliveryFailure, { kind: 'smtp-reply' }>;

interface Ending {
  readonly result: SendResult;
  readonly standing: Standing;
}

/** RSET costs the peer nothing: one that does not answer it soon is not worth waiting for. */
const RESET_MS = 5000;
/** Octets that are given to the socket at once; what is under way on a connection is a small multiple of it. */
const WRITE_BYTES = 65_536;

const RESET = 'RSET\r\n';
const DATA = 'DATA\r\n';
const NOTHING = (): void => undefined;

const STALE: Ending = { result: { kind: 'stale' }, standing: 'over' };

const ended = (failure: DeliveryFailure, standing: Standing): Ending => ({
  result: { kind: 'failed', failure },
  standing,
});
const lostFor = (reason: Loss['reason'], detail = NETWORK_TEXT[reason]): Ending =>
  ended({ kind: 'network', reason, detail }, 'over');

const classOf = ({ code }: WireReply): number => Math.floor(code / 100);
const isRefusal = ({ code }: WireReply): boolean => code >= 400 && code <= 599;
const refusalOf = (stage: SmtpStage, reply: WireReply): Refusal => ({
  kind: 'smtp-reply',
  stage,
  reply: readReply(reply),
});
/** Behind a refusal the dialogue goes on, unless the peer says goodbye (RFC 5321 §3.8) or nothing that makes sense. */
const standingBehind = ({ code }: WireReply): Standing => (code === 421 || code === 0 ? 'over' : 'refused');

/**
 * One copy on its way over a dialogue (RFC 5321 §3.3): MAIL, RCPT and DATA, in one write where the peer offers PIPELINING
 * (RFC 2920), then the message. It knows at all times how far the peer has the copy.
 */
export class Transaction {
  readonly result: Promise<SendResult>;
  readonly #resolve: (result: SendResult) => void;
  readonly #message: OutboundMessage;
  readonly #host: TransactionHost;
  readonly #isReused: boolean;
  readonly #dialogue: Dialogue;
  readonly #signal: CutSignal;
  readonly #isPipelined: boolean;
  /** How far the peer has it. `answer`: the final dot is out. */
  #progress: 'envelope' | 'body' | 'answer' | 'ended' = 'envelope';
  #isReset: boolean;
  /** The peer has answered something of this copy. */
  #isAnswered = false;
  /** The first "no" to the envelope: what follows it in a pipeline only follows from it. */
  #refusal: Refusal | undefined;

  constructor(
    message: OutboundMessage,
    { host, resetFirst, isReused }: TransactionOptions,
    signal: CutSignal,
  ) {
    const { promise, resolve } = Promise.withResolvers<SendResult>();
    this.result = promise;
    this.#resolve = resolve;
    this.#message = message;
    this.#host = host;
    this.#isReused = isReused;
    this.#dialogue = host.dialogue;
    this.#signal = signal;
    this.#isPipelined = host.extensions.includes('PIPELINING');
    this.#isReset = !resetFirst;
    signal.addEventListener('abort', this.#onAbort);
    this.#sayEnvelope();
  }

  /** Whether another envelope may be said behind it: its final dot is out, and the peer takes commands ahead of its answers. */
  get allowsNext(): boolean {
    return this.#isPipelined && this.#progress === 'answer';
  }

  /** The connection is lost. */
  lost({ reason, detail }: Loss): void {
    if (this.#progress === 'answer') this.#end(ended({ kind: 'uncertain', detail }, 'over'));
    else if (this.#refusal !== undefined) this.#end(ended(this.#refusal, 'over'));
    else if (!this.#isReset || this.#isUntouched(reason)) this.#end(STALE);
    else this.#end(lostFor(reason));
  }

  /** A reply that is none to a command: to a message that has not ended. What is left of it would be taken for commands. */
  unexpected(reply: WireReply): void {
    const detail = 'the server answered the message before its end';
    this.#end(isRefusal(reply) ? ended(refusalOf('data', reply), 'over') : lostFor('closed', detail));
  }

  readonly #onAbort = (): void => {
    if (this.#progress !== 'answer') this.#end({ result: { kind: 'cut' }, standing: 'over' });
  };

  /** The peer had gone before it saw anything of the copy. A time-out tells nothing of the kind. */
  #isUntouched(reason: Loss['reason']): boolean {
    return this.#isReused && !this.#isAnswered && reason !== 'timeout';
  }

  #sayEnvelope(): void {
    const { mail, rcpt } = envelopeCommands(this.#message, this.#host.extensions);
    const reset = this.#isReset ? '' : RESET;
    if (this.#isPipelined) {
      this.#dialogue.say(`${reset}${mail}${rcpt}${DATA}`);
      if (reset !== '') this.#expect('reset', NOTHING);
      this.#expect('mail', NOTHING);
      this.#expect('rcpt', NOTHING);
      this.#expect('data', NOTHING);
      return;
    }
    const commands: Command[] = reset === '' ? [] : [['reset', reset]];
    commands.push(['mail', mail], ['rcpt', rcpt], ['data', DATA]);
    this.#sayNext(commands);
  }

  /** Says one command, and the next one when it is granted. */
  #sayNext([next, ...others]: readonly Command[]): void {
    if (next === undefined) return;
    const [step, line] = next;
    this.#dialogue.say(line);
    this.#expect(step, () => this.#sayNext(others));
  }

  #expect(step: Step, goOn: () => void): void {
    const { replyMs } = this.#host;
    this.#dialogue.expect(step === 'reset' ? Math.min(RESET_MS, replyMs) : replyMs, (reply) => {
      if (this.#hasEnded()) return;
      const ending = this.#answered(step, reply);
      if (ending === undefined) goOn();
      else this.#end(ending);
    });
  }

  /** What the answer to a command ends the transaction with; undefined when it goes on. */
  #answered(step: Step, reply: WireReply): Ending | undefined {
    switch (step) {
      case 'reset':
        this.#isReset = true;
        return classOf(reply) === 2 ? undefined : STALE;
      case 'mail':
        // It was said at the end of another copy's time, and of this one nothing was seen.
        if (reply.code === 421 && this.#isReused) return STALE;
        this.#isAnswered = true;
        return classOf(reply) === 2 ? undefined : this.#refused(step, reply);
      case 'rcpt':
        return classOf(reply) === 2 ? undefined : this.#refused(step, reply);
      case 'data':
        if (this.#refusal !== undefined) return this.#dataBehind(this.#refusal, reply);
        // Some servers say 250 and mean it (RFC 5321 §4.3.2 has 354 alone).
        if (classOf(reply) !== 3 && classOf(reply) !== 2) return this.#refused(step, reply);
        void this.#sendMessage();
        return undefined;
    }
  }

  /** Notes a refusal, and ends where no other answer is due. A goodbye and what is no answer at all end the dialogue, too. */
  #refused(stage: SmtpStage, reply: WireReply): Ending | undefined {
    if (isRefusal(reply)) this.#refusal ??= refusalOf(stage, reply);
    const failure = this.#refusal;
    if (failure === undefined) return lostFor('closed');
    if (!isRefusal(reply) || reply.code === 421) return ended(failure, 'over');
    return stage === 'data' || !this.#isPipelined ? ended(failure, 'refused') : undefined;
  }

  /**
   * The answer to DATA behind a refusal in the same write. A server that has no recipient and takes a message all the same
   * gets an empty one (RFC 2920 §3.1); one that has not even a sender is not to be trusted with it.
   */
  #dataBehind(refusal: Refusal, reply: WireReply): Ending | undefined {
    if (isRefusal(reply)) return ended(refusal, standingBehind(reply));
    if (classOf(reply) !== 3 || refusal.stage !== 'rcpt') return ended(refusal, 'over');
    this.#dialogue.say('.\r\n');
    this.#dialogue.expect(this.#host.replyMs, (last) => this.#end(ended(refusal, standingBehind(last))));
    return undefined;
  }

  async #sendMessage(): Promise<void> {
    this.#progress = 'body';
    const { content } = this.#message;
    const stuffing = new DotStuffing(this.#message);
    let last: Buffer[];
    if (content instanceof Uint8Array) last = [stuffing.take(content)];
    else {
      try {
        last = await this.#sayAsItComes(content, stuffing);
      } catch (error) {
        this.#end({ result: { kind: 'content-failed', error }, standing: 'over' });
        return;
      }
    }
    // Not at once even where nothing is waited for: what came in one piece with the answer to DATA is no answer to the message.
    await this.#dialogue.whenTaken(this.#host.replyMs);
    if (this.#hasEnded()) return;
    last.push(stuffing.end());
    this.#sayLast(last);
  }

  /** Says a message as its chunks come; answers the octets that are left to say. Rejects where the content does. */
  async #sayAsItComes(content: AsyncIterable<Uint8Array>, stuffing: DotStuffing): Promise<Buffer[]> {
    let held: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length && !this.#hasEnded(); at += WRITE_BYTES) {
        const piece = stuffing.take(chunk.subarray(at, at + WRITE_BYTES));
        held.push(piece);
        bytes += piece.length;
        if (bytes < WRITE_BYTES) continue;
        await this.#sayInTurn(held);
        held = [];
        bytes = 0;
      }
      if (this.#hasEnded()) break;
    }
    return held;
  }

  /** Says a part of the message when the one before it has been taken. */
  async #sayInTurn(pieces: readonly Buffer[]): Promise<void> {
    await this.#dialogue.whenTaken(this.#host.replyMs);
    if (!this.#hasEnded()) this.#dialogue.say(joined(pieces));
  }

  /** The last octets and the final dot: from here on the copy may have been delivered. */
  #sayLast(pieces: readonly Buffer[]): void {
    this.#dialogue.gather();
    for (const piece of pieces) this.#dialogue.say(piece);
    this.#progress = 'answer';
    this.#dialogue.expect(this.#host.finalReplyMs, (reply) => this.#end(this.#finalEnding(reply)));
    this.#message.onFinalDot();
    if (this.#isPipelined) this.#host.onLastOctets();
  }

  #finalEnding(reply: WireReply): Ending {
    if (classOf(reply) === 2)
      return { result: { kind: 'delivered', reply: readReply(reply) }, standing: 'fresh' };
    if (isRefusal(reply)) return ended(refusalOf('final-dot', reply), standingBehind(reply));
    return ended({ kind: 'uncertain', detail: `no answer to the message: ${reply.text}` }, 'over');
  }

  #hasEnded(): boolean {
    return this.#progress === 'ended';
  }

  #end({ result, standing }: Ending): void {
    if (this.#progress === 'ended') return;
    this.#progress = 'ended';
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#host.onEnd(this, standing);
    this.#resolve(result);
  }
}

const joined = (pieces: readonly Buffer[]): Buffer =>
  pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
