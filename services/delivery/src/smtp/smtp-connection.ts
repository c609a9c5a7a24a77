import { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import {
  type ConnectionEnds,
  type DeliveryFailure,
  type IntakeTls,
  parseIpAddress,
  parseReply,
  type SmtpReply,
} from '@tdc/core';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { connectSocket } from './connect-socket.ts';
import { tlsContextFor } from './tls-context.ts';
import { type SmtpClientError, toDeliveryFailure } from './to-delivery-failure.ts';

export interface OpenOptions {
  /** The address to connect to. */
  readonly address: string;
  readonly port: number;
  /** The name that the certificate must carry, unless the intake says another: the MX host. */
  readonly hostName: string;
  readonly ehloName: string;
  readonly tls: IntakeTls;
  readonly connectMs: number;
  readonly tlsMs: number;
  readonly replyMs: number;
  readonly finalReplyMs: number;
  /** Called when TCP stands, before anything is said. */
  readonly onConnected: (ends: ConnectionEnds) => void;
}

export type OpenResult =
  | { readonly kind: 'open'; readonly connection: OutboundConnection }
  /** `ends` is undefined when TCP itself failed. */
  | { readonly kind: 'failed'; readonly failure: DeliveryFailure; readonly ends: ConnectionEnds | undefined };

/** One copy as it goes over the wire. */
export interface OutboundMessage {
  readonly sender: string;
  readonly recipient: string;
  readonly sizeBytes: number;
  readonly eightBit: boolean;
  /** `wanted`: SMTPUTF8 is asked for where it is offered. `needed`: without it the message cannot be carried. */
  readonly smtpUtf8: 'no' | 'wanted' | 'needed';
  /** The whole message; what it throws ends the connection before the final dot. */
  readonly content: AsyncIterable<Uint8Array>;
  /** Called when the last octet was handed over: the final dot follows at once. */
  readonly onFinalDot: () => void;
}

export type SendResult =
  | { readonly kind: 'delivered'; readonly reply: SmtpReply }
  /** `stale`: the peer had ended a connection that was in use before, and saw nothing of this copy. */
  | { readonly kind: 'failed'; readonly failure: DeliveryFailure; readonly stale: boolean };

/** A secured connection to an intake: one DCID. One copy at a time. */
export interface OutboundConnection {
  readonly ends: ConnectionEnds;
  readonly protocol: string;
  readonly cipher: string;
  /** Whether another copy can be sent; false after any loss. */
  isUsable(): boolean;
  /** Sends one copy; the abort ends it at once, unless its final dot is out. */
  send(message: OutboundMessage, signal: AbortSignal): Promise<SendResult>;
  /** Calls back once, when the socket is closed on both sides, for whatever reason. */
  onClosed(listener: () => void): void;
  /** Says QUIT and closes; never waits long. */
  quit(): void;
}

/** What the library keeps to itself and we must know; the version is pinned and a test looks at each. */
interface Internals {
  _supportedExtensions: string[];
  _maxAllowedSize: number;
  _sendCommand(command: string, logged?: string): void;
}

/** The library adds SMTPUTF8 for addresses alone; a message with UTF-8 headers needs it as well (RFC 6531 §3.4). */
class JournalConnection extends SMTPConnection {
  asksForSmtpUtf8 = false;

  constructor(options: SMTPConnection.Options) {
    super(options);
    const self = this as unknown as Internals;
    const sendCommand = self._sendCommand.bind(this);
    self._sendCommand = (command, logged) => {
      const add = this.asksForSmtpUtf8 && command.startsWith('MAIL FROM:') && !command.includes(' SMTPUTF8');
      sendCommand(add ? `${command} SMTPUTF8` : command, logged);
    };
  }

  get extensions(): readonly string[] {
    return (this as unknown as Internals)._supportedExtensions;
  }

  /** The peer's limit; 0 when it told none. */
  get maxSizeBytes(): number {
    return Number((this as unknown as Internals)._maxAllowedSize) || 0;
  }
}

const QUIT_MS = 2000;

/** Connects, secures and greets one address. Clear text is never an outcome. */
export async function openConnection(options: OpenOptions, signal: AbortSignal): Promise<OpenResult> {
  const { address, port, connectMs } = options;
  const tcp = await connectSocket({ address, port, timeoutMs: connectMs }, signal);
  if (tcp.kind === 'failed') return { kind: 'failed', failure: tcp.failure, ends: undefined };
  options.onConnected(tcp.ends);
  const name = options.tls.serverName ?? options.hostName;
  const isAddress = parseIpAddress(name) !== undefined;
  const library = new JournalConnection({
    connection: tcp.socket,
    host: name,
    port,
    name: options.ehloName,
    requireTLS: true,
    tls: {
      secureContext: tlsContextFor(options.tls),
      rejectUnauthorized: options.tls.verify,
      ...(isAddress ? {} : { servername: name }),
    },
    connectionTimeout: options.tlsMs + options.connectMs,
    greetingTimeout: options.connectMs,
    socketTimeout: options.replyMs,
    socketCloseTimeout: 1000,
    logger: false,
  });
  const failure = await greet(library, signal);
  if (failure !== undefined) {
    library.close();
    return { kind: 'failed', failure, ends: tcp.ends };
  }
  return { kind: 'open', connection: new LibraryConnection(library, tcp.ends, options) };
}

/** Runs the dialogue up to the EHLO behind TLS. The first of callback, error and end settles. */
function greet(library: JournalConnection, signal: AbortSignal): Promise<DeliveryFailure | undefined> {
  return new Promise((resolve) => {
    const settle = (failure: DeliveryFailure | undefined): void => {
      signal.removeEventListener('abort', onAbort);
      resolve(failure);
    };
    const fail = (error: SmtpClientError): void =>
      settle(toDeliveryFailure(error, { upgrading: library.upgrading === true, finalDotSent: false }));
    const onAbort = (): void => {
      fail({ message: 'the copy ran out of time', code: 'ETIMEDOUT' });
      library.close();
    };
    signal.addEventListener('abort', onAbort);
    // The listeners stay for good: an error without a listener would end the process.
    library.on('error', fail);
    library.on('end', () => fail({ message: 'connection closed', code: 'ECONNECTION' }));
    library.connect((error) => {
      if (error !== undefined) fail(error);
      else if (library.secure) settle(undefined);
      else fail({ message: 'the connection is not encrypted', code: 'ETLS' });
    });
  });
}

class LibraryConnection implements OutboundConnection {
  readonly ends: ConnectionEnds;
  readonly protocol: string;
  readonly cipher: string;
  readonly #library: JournalConnection;
  readonly #socket: TLSSocket;
  readonly #finalReplyMs: number;
  readonly #replyMs: number;
  readonly #endListeners: (() => void)[] = [];
  #lastError: SmtpClientError | undefined;
  #usable = true;
  #ended = false;
  #messages = 0;

  constructor(library: JournalConnection, ends: ConnectionEnds, options: OpenOptions) {
    this.#library = library;
    this.ends = ends;
    this.#finalReplyMs = options.finalReplyMs;
    this.#replyMs = options.replyMs;
    const socket = library._socket as TLSSocket;
    this.#socket = socket;
    this.protocol = socket.getProtocol() ?? 'unknown';
    const cipher = socket.getCipher();
    // The gateway logs OpenSSL's names; TLS 1.3 has its own.
    this.cipher = cipher.name;
    library.on('end', () => this.#end());
    // The library tells listeners before it tells whoever waits for an answer.
    library.on('error', (error: SmtpClientError) => {
      this.#lastError = error;
      this.#end();
    });
  }

  isUsable(): boolean {
    return this.#usable && !this.#library.destroyed;
  }

  onClosed(listener: () => void): void {
    if (this.#socket.closed) listener();
    else this.#socket.once('close', listener);
  }

  #onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#endListeners.push(listener);
  }

  async send(message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    const unconveyable = this.#whyUnconveyable(message);
    if (unconveyable !== undefined) return { kind: 'failed', failure: unconveyable, stale: false };
    const reused = this.#messages > 0;
    this.#messages += 1;
    const progress = { bodyStarted: false, finalDotSent: false };
    const error = await this.#transact(message, progress, signal);
    if (error === undefined)
      return { kind: 'delivered', reply: parseReply(String(this.#library.lastServerResponse)) };
    const failure = toDeliveryFailure(error, { upgrading: false, finalDotSent: progress.finalDotSent });
    const lost = this.#library.destroyed || error.code === 'ESTREAM' || failure.kind !== 'smtp-reply';
    const closing = failure.kind === 'smtp-reply' && failure.reply.code === 421;
    const stale =
      reused && !progress.bodyStarted && !signal.aborted && (closing || failure.kind === 'network');
    if (lost || closing || !(await this.#reset())) this.#drop();
    return { kind: 'failed', failure, stale };
  }

  quit(): void {
    this.#usable = false;
    if (this.#library.destroyed) this.#end();
    else {
      this.#library.quit();
      setTimeout(() => this.#drop(), QUIT_MS).unref();
    }
  }

  /** What the peer lacks to take this copy as it is (spec §4: never altered silently). */
  #whyUnconveyable(message: OutboundMessage): DeliveryFailure | undefined {
    const { extensions, maxSizeBytes } = this.#library;
    if (message.eightBit && !extensions.includes('8BITMIME')) {
      return {
        kind: 'unconveyable',
        reason: 'eight-bit',
        detail: 'the message is 8-bit, the server has no 8BITMIME',
      };
    }
    if (message.smtpUtf8 === 'needed' && !extensions.includes('SMTPUTF8')) {
      return {
        kind: 'unconveyable',
        reason: 'smtputf8',
        detail: 'the message needs SMTPUTF8, the server has none',
      };
    }
    if (maxSizeBytes > 0 && message.sizeBytes > maxSizeBytes) {
      const detail = `the copy has ${message.sizeBytes} bytes, the server takes ${maxSizeBytes}`;
      return { kind: 'unconveyable', reason: 'size', detail };
    }
    return undefined;
  }

  #transact(
    message: OutboundMessage,
    progress: { bodyStarted: boolean; finalDotSent: boolean },
    signal: AbortSignal,
  ): Promise<SmtpClientError | undefined> {
    const library = this.#library;
    const setTimeoutOf = (milliseconds: number) =>
      library._socket ? library._socket.setTimeout(milliseconds) : undefined;
    async function* watched() {
      progress.bodyStarted = true;
      yield* message.content;
      progress.finalDotSent = true;
      setTimeoutOf(finalReplyMs);
      message.onFinalDot();
    }
    const finalReplyMs = this.#finalReplyMs;
    library.asksForSmtpUtf8 = message.smtpUtf8 !== 'no' && library.extensions.includes('SMTPUTF8');
    return new Promise((resolve) => {
      const onAbort = (): void => {
        if (progress.finalDotSent) return;
        settle({ message: 'the copy ran out of time', code: 'ETIMEDOUT' });
        library.close();
      };
      const settle = (error: SmtpClientError | undefined): void => {
        signal.removeEventListener('abort', onAbort);
        setTimeoutOf(this.#replyMs);
        resolve(error);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort);
      this.#onEnd(() => settle(this.#lastError ?? { message: 'connection closed', code: 'ECONNECTION' }));
      library.send(
        {
          from: message.sender,
          to: [message.recipient],
          size: message.sizeBytes,
          use8BitMime: message.eightBit,
        },
        Readable.from(watched(), { objectMode: false }),
        (error) => settle(error ?? undefined),
      );
    });
  }

  /** Back to the start of the dialogue: a transaction that was refused half-way would spoil the next one. */
  #reset(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#onEnd(() => resolve(false));
      this.#library.reset((error) => resolve(error === null || error === undefined));
    });
  }

  #drop(): void {
    this.#usable = false;
    this.#library.close();
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#usable = false;
    for (const listener of this.#endListeners.splice(0)) listener();
  }
}
