import type { Socket } from 'node:net';
import type { Icid, Network } from '@tdc/core';
import { type ListenFailure, listenFailure } from '@tdc/platform';
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';
import type { IncomingMessage } from './ports.ts';
import type { ProxiedClient } from './proxy/proxy-header.ts';
import { type ProxyRefusal, readProxyHeader } from './proxy/read-proxy-header.ts';
import type { Reply } from './replies.ts';
import type { SessionLimits } from './session-share.ts';
import { ALWAYS_DISABLED, type Details, lineOf, Session } from './smtp/session.ts';

/** What the listener asks of whoever takes the messages. Every answer comes in bounded time; none rejects. */
export interface Receiver {
  /** A session begins. `through` is the proxy in front of the client; undefined when there is none. */
  connected(client: string, through: string | undefined): Icid;
  secured(): void;
  closed(): void;
  /** The connection was refused before the greeting: there are too many, or it talked too soon. */
  turnedAway(): void;
  /** A connection began with a PROXY header; `local` where it named no client. */
  proxied(header: 'accepted' | 'local'): void;
  /** A connection was refused for want of a PROXY header from a peer that may send one. */
  proxyRefused(reason: ProxyRefusal, peer: string, problem: string): void;
  /** MAIL announced more octets than a message may have, and was refused. */
  tooLargeAnnounced(): void;
  /** A reason to refuse the transaction before it begins; undefined to go on. */
  refuseMail(secure: boolean): Reply | undefined;
  receive(message: IncomingMessage): Promise<Reply>;
  /** The connection failed below SMTP. */
  failed(message: string): void;
}

export interface ListenerOptions extends SessionLimits {
  readonly host: string;
  readonly port: number;
  readonly lmtp: boolean;
  readonly hostname: string;
  readonly tls: TlsMaterial;
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxConnections: number;
  readonly idleSeconds: number;
  /** How long a client may take to bring a transaction to its end, however busy it looks. */
  readonly transactionSeconds: number;
  /** How long a close waits for messages that are being received. */
  readonly closeSeconds: number;
  readonly trustedPeers: readonly Network[];
  /** The proxies in front: each connection begins with a PROXY header, and is from one of them. Undefined: none is. */
  readonly proxies?: readonly Network[] | undefined;
}

export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface SmtpListener {
  readonly port: number;
  /** New handshakes use these; running sessions stay as they are. */
  replaceTls(tls: TlsMaterial): void;
  /** Takes no more connections; messages being received are finished and answered, whoever is idle is told 421. */
  close(): Promise<void>;
}

/** Nobody looks at the library's id, and to make one costs a random number: all connections have the same. */
const UNKNOWN: Details = { id: '-' };

const detailsOf = ({ address, port }: ProxiedClient): Details => ({
  ...UNKNOWN,
  remoteAddress: address,
  remotePort: port,
});

class RefusedError extends Error {
  readonly responseCode: number;

  constructor(reply: Reply) {
    super(lineOf(reply));
    this.responseCode = reply.code;
  }
}

class Server extends SMTPServer {
  readonly #receiver: Receiver;
  readonly #options: ListenerOptions;
  readonly #sessions = new WeakMap<SMTPServerSession, Session>();

  constructor(options: ListenerOptions, receiver: Receiver) {
    super(libraryOptions(options));
    this.#receiver = receiver;
    this.#options = options;
  }

  override connect(socket: Socket, details: Details = UNKNOWN): void {
    const session = new Session(this, socket, details, this.#options, this.#receiver);
    this.connections.add(session);
    this.#sessions.set(session.session, session);
    session.on('error', (error) => this._onError(error));
    session.init();
  }

  /** The library reads version 1 alone; until `done` it holds the socket, counts it, and cuts it when it closes. */
  override _handleProxy(socket: Socket, done: (error: Error | null, details?: Details) => void): void {
    const { proxies } = this.#options;
    if (proxies === undefined) {
      // Behind this turn, as the library has it.
      setImmediate(() => done(null, UNKNOWN));
      return;
    }
    const peer = socket.remoteAddress ?? '';
    readProxyHeader(socket, proxies, (read) => {
      if (read.kind === 'read') {
        this.#receiver.proxied(read.client === undefined ? 'local' : 'accepted');
        done(null, read.client && detailsOf(read.client));
        return;
      }
      // What a stop cut off is nobody's fault.
      if (this._closeTimeout === false) this.#receiver.proxyRefused(read.reason, peer, read.problem);
      done(new Error(read.problem));
    });
  }

  override onConnect(session: SMTPServerSession, done: (error?: Error | null) => void): void {
    this.#sessions.get(session)?.begin();
    done();
  }

  override onSecure(_socket: Socket, session: SMTPServerSession, done: (error?: Error | null) => void): void {
    this.#sessions.get(session)?.secured();
    done();
  }

  /** Reached by XCLIENT LOGIN alone: the gateway vouches for its client. */
  override onAuth(...[auth, _session, done]: Parameters<SMTPServer['onAuth']>): void {
    if (auth.method === 'XCLIENT') done(null, { user: auth.username ?? '' });
    else done(new Error('no'));
  }

  override onMailFrom(...[_address, session, done]: Parameters<SMTPServer['onMailFrom']>): void {
    const refusal = this.#sessions.get(session)?.beginTransaction();
    done(refusal === undefined ? null : new RefusedError(refusal));
  }

  override onRcptTo(...[_address, session, done]: Parameters<SMTPServer['onRcptTo']>): void {
    this.#sessions.get(session)?.beginRecipient();
    done();
  }

  override onClose(session: SMTPServerSession): void {
    this.#sessions.get(session)?.ended();
  }

  shutDown(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.close(() => resolve()));
    for (const { session } of this.connections) this.#sessions.get(session)?.shutDown();
    return closed;
  }
}

/** The SMTP or LMTP server, wired to a receiver. With `smtp/` behind it the only place that knows the server library. */
class Listener implements SmtpListener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  port = 0;

  constructor(options: ListenerOptions, receiver: Receiver) {
    this.#options = options;
    this.#server = new Server(options, receiver);
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
    return this.#server.shutDown();
  }
}

function libraryOptions(options: ListenerOptions): SMTPServerOptions {
  return {
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
    useProxy: options.proxies !== undefined,
    logger: false,
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
