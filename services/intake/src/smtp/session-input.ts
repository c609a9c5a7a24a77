import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { DataReader } from './data-reader.ts';
import { MessageBody } from './message-body.ts';

const CR = 0x0d;
const LF = 0x0a;
const NONE = Buffer.alloc(0);

/** Room for any command, as in the library: more than RFC 5321 §4.5.3.1.4 asks for. */
const MAX_LINE_BYTES = 16 * 1024;
/** After so many commands of one packet it is the others' turn. */
const MAX_COMMANDS_AT_ONCE = 100;

/** Whoever is told what the client sends. */
export interface InputOwner {
  /** One command, of which each octet is a letter. The next one comes once `next` was called. */
  onCommand(line: string, next: () => void): void;
  onLineTooLong(): void;
  /** The message that was begun is in. Nothing more comes before `continue`. */
  onMessageIn(): void;
  /** What came is worked off, as far as it can be now. `next` is called when the client has taken its replies. */
  onWorkedOff(next: () => void): void;
}

/**
 * Takes apart what the client sends, into commands and messages. It stands where the library has its own parser, which
 * looks at every octet of a message by itself. Nothing is taken from the socket while a reader is behind, nor more than
 * one packet while an answer is due.
 */
export class SessionInput extends SMTPStream {
  readonly #owner: InputOwner;
  #state: 'commands' | 'message' | 'waiting' = 'commands';
  /** What came and is not worked off, from `#at` on. */
  #octets: Buffer = NONE;
  #at = 0;
  #reader = new DataReader();
  #body = new MessageBody(() => undefined);
  #isWorking = false;
  #isInterrupted = false;
  /** The packet that came last is not worked off as far as it must be before the next. */
  #isOwed = false;
  #isTaking = false;
  #finish: (() => void) | undefined;

  constructor(owner: InputOwner) {
    super();
    this.#owner = owner;
  }

  /** Within a call to the owner: more may follow it at once. */
  get isWorking(): boolean {
    return this.#isWorking;
  }

  /** Within a command: what stands behind it is a message. */
  beginMessage(): MessageBody {
    this.#state = 'message';
    this.#reader = new DataReader();
    this.#body = new MessageBody(this.#work);
    return this.#body;
  }

  /** The message was answered, commands come again. */
  override continue(): void {
    this.#state = 'commands';
    this.#work();
  }

  /**
   * Takes a packet of the socket that is piped in; false where the next one must wait for `drain`. Stands where the stream
   * would keep its own books of each packet, which costs more than most commands, and lets the socket pause for each large
   * one.
   */
  override write(packet: Buffer): boolean {
    const isLeft = this.#at < this.#octets.length;
    this.#octets = isLeft ? Buffer.concat([this.#octets.subarray(this.#at), packet]) : packet;
    this.#at = 0;
    this.#isOwed = true;
    this.#isTaking = true;
    try {
      this.#work();
    } finally {
      this.#isTaking = false;
    }
    return !this.#isOwed;
  }

  /** The client sends no more: what it has sent is worked off first. */
  override _final(finish: () => void): void {
    if (this.#isOwed) this.#finish = finish;
    else finish();
  }

  /** A line that is cut off is no command. */
  override _flushData(): void {
    this.#octets = NONE;
  }

  readonly #next = (): void => {
    if (this.#state === 'waiting') this.continue();
  };

  readonly #work = (): void => {
    if (this.#isWorking) return;
    this.#isWorking = true;
    let turn = 0;
    try {
      while (turn < MAX_COMMANDS_AT_ONCE && this.#step()) turn += 1;
    } finally {
      this.#isWorking = false;
    }
    this.#isInterrupted = turn === MAX_COMMANDS_AT_ONCE;
    this.#owner.onWorkedOff(this.#goOn);
  };

  /** Whether there may be another. */
  #step(): boolean {
    if (this.isClosed || this.#state === 'waiting' || this.#at === this.#octets.length) return false;
    return this.#state === 'message' ? this.#readMessage() : this.#readCommand();
  }

  #readCommand(): boolean {
    const end = this.#octets.indexOf(LF, this.#at);
    const last = end < 0 ? this.#octets.length : end;
    const stop = end > this.#at && this.#octets[end - 1] === CR ? last - 1 : last;
    if (stop - this.#at > MAX_LINE_BYTES) this.#owner.onLineTooLong();
    else if (end >= 0) {
      const line = this.#octets.toString('latin1', this.#at, stop);
      this.#at = end + 1;
      this.#state = 'waiting';
      this.#owner.onCommand(line, this.#next);
      return true;
    }
    return false;
  }

  #readMessage(): boolean {
    const { content, rest } = this.#reader.read(this.#octets.subarray(this.#at));
    this.#octets = rest ?? NONE;
    this.#at = 0;
    this.#body.add(content);
    if (rest === undefined) return false;
    this.#state = 'waiting';
    this.#body.end();
    this.#owner.onMessageIn();
    return true;
  }

  readonly #goOn = (): void => {
    if (this.isClosed || this.#at === this.#octets.length) {
      this.#octets = NONE;
      this.#at = 0;
    }
    if (this.#isInterrupted && !this.isClosed) setImmediate(this.#work);
    else if (!this.#isBehind()) this.#more();
  };

  #isBehind(): boolean {
    if (this.isClosed) return false;
    return this.#state === 'message' ? this.#body.isFull : this.#state === 'waiting' && this.#octets !== NONE;
  }

  #more(): void {
    if (!this.#isOwed) return;
    this.#isOwed = false;
    if (!this.#isTaking) this.emit('drain');
    this.#finish?.();
  }
}
