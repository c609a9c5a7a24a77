import { type Icid, isInNetworks, type Network, toAsciiDomain } from '@tdc/core';
import { type ListenFailure, listenFailure } from '@tdc/platform';
import {
  SMTPServer,
  type SMTPServerAddress,
  type SMTPServerDataStream,
  type SMTPServerSession,
} from 'smtp-server';
import type { IncomingMessage, Peer } from './ports.ts';
import type { Reply } from './replies.ts';

/** What the listener asks of whoever takes the messages. Every answer comes in bounded time. */
export interface Receiver {
  connected(): Icid;
  secured(): void;
  closed(): void;
  /** A reason to refuse the transaction before it begins; undefined to go on. */
  refuseMail(secure: boolean): Reply | undefined;
  receive(message: IncomingMessage): Promise<Reply>;
  /** The connection failed below SMTP. */
  failed(message: string): void;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly lmtp: boolean;
  readonly hostname: string;
  readonly tls: TlsMaterial;
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxConnections: number;
  readonly idleSeconds: number;
  readonly transactionSeconds: number;
  readonly closeSeconds: number;
  readonly trustedPeers: readonly Network[];
}

export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface SmtpListener {
  readonly port: number;
  /** New handshakes use these; running sessions stay as they are. */
  replaceTls(tls: TlsMaterial): void;
  /** Takes no more connections; messages being received are finished and answered. */
  close(): Promise<void>;
}

/** What is known of one session beside what the library keeps. */
interface SessionFacts {
  readonly icid: Icid;
  readonly address: string;
  readonly trusted: boolean;
  transactionTimer?: NodeJS.Timeout;
}

const ALWAYS_DISABLED = ['AUTH', 'VRFY', 'HELP', 'WIZ', 'SHELL', 'KILL'];
const FORWARDING = ['XCLIENT', 'XFORWARD'];

class RefusedError extends Error {
  readonly responseCode: number;

  constructor(reply: Reply) {
    super(reply.text);
    this.responseCode = reply.code;
  }
}

/** The library shows domains in Unicode; ours are compared and sent in their ASCII form. */
function asciiAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? address : `${address.slice(0, at)}@${toAsciiDomain(address.slice(at + 1))}`;
}

const forwarded = (value: string | number | false | undefined): string | undefined =>
  typeof value === 'string' && value !== '' && !/^\[?UNAVAILABLE\]?$/i.test(value) ? value : undefined;

const sender = (address: SMTPServerAddress | false): string =>
  address === false ? '' : asciiAddress(address.address);

/** The SMTP or LMTP server, wired to a receiver. The only file that knows the server library. */
export class Listener implements SmtpListener {
  readonly #options: ListenerOptions;
  readonly #receiver: Receiver;
  readonly #server: SMTPServer;
  readonly #facts = new WeakMap<SMTPServerSession, SessionFacts>();
  port = 0;

  constructor(options: ListenerOptions, receiver: Receiver) {
    this.#options = options;
    this.#receiver = receiver;
    this.#server = new SMTPServer({
      name: options.hostname,
      banner: 'tdc intake',
      lmtp: options.lmtp,
      ...options.tls,
      minVersion: 'TLSv1.2',
      size: options.maxMessageBytes,
      rejectOversized: true,
      maxRecipients: options.maxRecipients,
      maxClients: options.maxConnections,
      socketTimeout: options.idleSeconds * 1000,
      closeTimeout: options.closeSeconds * 1000,
      disabledCommands: ALWAYS_DISABLED,
      authOptional: true,
      hideENHANCEDSTATUSCODES: false,
      disableReverseLookup: true,
      lenientAddressParsing: true,
      useXClient: true,
      useXForward: true,
      logger: false,
      onConnect: (session, done) => this.#onConnect(session, done),
      onSecure: (_socket, _session, done) => {
        receiver.secured();
        done();
      },
      // Reached by XCLIENT LOGIN alone: the gateway vouches for its client.
      onAuth: (auth, _session, done) =>
        auth.method === 'XCLIENT' ? done(null, { user: auth.username ?? '' }) : done(new Error('no')),
      onMailFrom: (_address, session, done) => this.#onMailFrom(session, done),
      onData: (stream, session, done) =>
        void this.#onData(stream, session).then((reply) => this.#answer(reply, session, done)),
      onClose: (session) => this.#onClose(session),
    });
    this.#server.on('error', (error) => receiver.failed(error.message));
  }

  listen(): Promise<ListenFailure | undefined> {
    const { host, port } = this.#options;
    return new Promise((resolve) => {
      const onError = (error: Error) => resolve(listenFailure(error, host, port));
      this.#server.once('error', onError);
      const inner = this.#server.listen(port, host, () => {
        this.#server.off('error', onError);
        const address = inner.address();
        this.port = typeof address === 'object' && address !== null ? address.port : port;
        resolve(undefined);
      });
    });
  }

  replaceTls(tls: TlsMaterial): void {
    this.#server.updateSecureContext({ cert: tls.cert, key: tls.key });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #onConnect(session: SMTPServerSession, done: (error?: Error | null) => void): void {
    const address = session.remoteAddress;
    const trusted = isInNetworks(address, this.#options.trustedPeers);
    // From anyone else these commands do not exist.
    if (!trusted) session.disabledCommands = [...ALWAYS_DISABLED, ...FORWARDING];
    this.#facts.set(session, { icid: this.#receiver.connected(), address, trusted });
    done();
  }

  #onMailFrom(session: SMTPServerSession, done: (error?: Error | null) => void): void {
    const refusal = this.#receiver.refuseMail(session.secure);
    if (refusal === undefined) this.#limitTransaction(session);
    done(refusal === undefined ? null : new RefusedError(refusal));
  }

  /** A client that sends an octet a minute never idles: the whole transaction has a limit, too. */
  #limitTransaction(session: SMTPServerSession): void {
    const facts = this.#facts.get(session);
    if (facts === undefined) return;
    clearTimeout(facts.transactionTimer);
    facts.transactionTimer = setTimeout(() => {
      for (const connection of this.#server.connections) {
        if (connection.session !== session) continue;
        connection.send(421, 'The transaction took too long', false);
        connection.close();
      }
    }, this.#options.transactionSeconds * 1000);
    facts.transactionTimer.unref();
  }

  async #onData(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<Reply> {
    const facts = this.#facts.get(session);
    const reply = await this.#receiver.receive({
      icid: facts?.icid ?? (0 as Icid),
      peer: peerOf(session, facts),
      sender: sender(session.envelope.mailFrom),
      recipients: session.envelope.rcptTo.map(({ address }) => asciiAddress(address)),
      smtpUtf8: session.envelope.smtpUtf8 ?? false,
      body: stream,
      tooLarge: () => stream.sizeExceeded,
    });
    clearTimeout(facts?.transactionTimer);
    return reply;
  }

  #answer(
    reply: Reply,
    session: SMTPServerSession,
    done: (error?: Error | null, message?: string | (string | Error)[]) => void,
  ): void {
    if (reply.code >= 400) done(new RefusedError(reply));
    // LMTP answers for each recipient (RFC 2033 §4.2); here they share one fate.
    else if (this.#options.lmtp)
      done(
        null,
        session.envelope.rcptTo.map(() => reply.text),
      );
    else done(null, reply.text);
  }

  #onClose(session: SMTPServerSession): void {
    clearTimeout(this.#facts.get(session)?.transactionTimer);
    if (this.#facts.delete(session)) this.#receiver.closed();
  }
}

function peerOf(session: SMTPServerSession, facts: SessionFacts | undefined): Peer {
  const trusted = facts?.trusted ?? false;
  return {
    address: facts?.address ?? session.remoteAddress,
    trusted,
    forwardedAddress: trusted
      ? (forwarded(session.xClient.get('ADDR')) ?? forwarded(session.xForward.get('ADDR')))
      : undefined,
    login: trusted && typeof session.user === 'string' && session.user !== '',
  };
}

/** Starts a listener; a port that cannot be had is a value. */
export async function startListener(
  options: ListenerOptions,
  receiver: Receiver,
): Promise<SmtpListener | ListenFailure> {
  const listener = new Listener(options, receiver);
  return (await listener.listen()) ?? listener;
}
