import type { Socket } from 'node:net';
import { type Icid, isInNetworks, type Network } from '@tdc/core';
import { type ListenFailure, listenFailure } from '@tdc/platform';
import {
  SMTPServer,
  type SMTPServerAddress,
  type SMTPServerDataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { readEnvelopeCommand, withAsciiDomain } from './envelope-command.ts';
import type { IncomingMessage, Peer } from './ports.ts';
import type { ProxiedClient } from './proxy/proxy-header.ts';
import { type ProxyRefusal, readProxyHeader } from './proxy/read-proxy-header.ts';
import { type Reply, SESSION_USED_UP, SHUTTING_DOWN, TOO_SLOW } from './replies.ts';
import { type SessionLimits, SessionShare } from './session-share.ts';

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

/** What is known of one session beside what the library keeps. */
interface SessionFacts {
  readonly icid: Icid;
  readonly address: string;
  readonly trusted: boolean;
  progress?: NodeJS.Timeout;
}

const ALWAYS_DISABLED = ['AUTH', 'VRFY', 'HELP', 'WIZ', 'SHELL', 'KILL'];
/** From strangers these do not exist either. */
const FORWARDING = ['XCLIENT', 'XFORWARD'];

const lineOf = ({ status, text }: Reply): string => `${status} ${text}`;
/** How a line begins that has its own enhanced status code; the library knows one code for each reply code alone. */
const OWN_STATUS = /^[245]\.\d{1,3}\.\d{1,3} /;

class RefusedError extends Error {
  readonly responseCode: number;

  constructor(reply: Reply) {
    super(lineOf(reply));
    this.responseCode = reply.code;
  }
}

const forwarded = (value: string | number | false | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** A placeholder that the library finds no fault with. */
const ANY_ADDRESS = 'anybody@invalid';

/** The library's connection, with our status codes and addresses as they were sent. */
class Connection extends SMTPConnection {
  readonly #receiver: Receiver;
  /** The proxy that the client came through. */
  readonly proxy: string | undefined;
  /** Its client is one of the gateways. */
  readonly trusted: boolean;
  readonly share: SessionShare;

  constructor(
    server: Server,
    socket: Socket,
    details: Details | undefined,
    receiver: Receiver,
    options: ListenerOptions,
  ) {
    super(server, socket, details);
    this.#receiver = receiver;
    this.share = new SessionShare(options);
    this.trusted = isInNetworks(this.remoteAddress, options.trustedPeers);
    this.proxy = details?.remoteAddress === undefined ? undefined : socket.remoteAddress;
  }

  /** The library lets everybody wait 0.1 s for the greeting, and turns away who talks before it. A gateway need not wait. */
  override init(): void {
    const { connections, options } = this._server;
    const isFull = connections.size > Number(options.maxClients);
    if (this.trusted && !isFull) this._setListeners(() => this.connectionReady());
    else super.init();
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    if (code === 421 && !this._ready) this.#receiver.turnedAway();
    if (code === 552 && this.session.envelope.mailFrom === false) this.#receiver.tooLargeAnnounced();
    super.send(code, data, typeof data === 'string' && OWN_STATUS.test(data) ? false : context);
  }

  override _onCommand(command: Buffer, callback?: () => void): void {
    // Between two transactions alone. Postfix looks with RSET whether a kept session still lives: told there, it opens
    // another at once, and no message has to wait.
    const isIdle = this._ready && !this._upgrading && this.session.envelope.mailFrom === false;
    if (this.share.isUsedUp && isIdle && !/^QUIT\b/i.test(command.toString('latin1')))
      this.send(SESSION_USED_UP.code, lineOf(SESSION_USED_UP));
    else super._onCommand(command, callback);
  }

  override _parseAddressCommand(
    name: string,
    command: Buffer | string,
  ): ReturnType<SMTPConnection['_parseAddressCommand']> {
    const read = readEnvelopeCommand(command.toString());
    if (read === 'unacceptable') return false;
    if (read === 'none') return super._parseAddressCommand(name, command);
    const parsed = super._parseAddressCommand(name, `${read.verb}<${ANY_ADDRESS}>${read.parameters}`);
    return parsed && { ...parsed, address: read.address };
  }
}

type Details = NonNullable<Parameters<SMTPServer['connect']>[1]> & { readonly id: string };

/** Without an id the library makes one. */
const detailsOf = ({ address, port }: ProxiedClient): Details => ({
  id: '',
  remoteAddress: address,
  remotePort: port,
});

class Server extends SMTPServer {
  readonly #receiver: Receiver;
  readonly #options: ListenerOptions;
  readonly #connections = new WeakMap<SMTPServerSession, Connection>();

  constructor(options: ListenerOptions, handlers: SMTPServerOptions, receiver: Receiver) {
    super({ ...libraryOptions(options), ...handlers });
    this.#receiver = receiver;
    this.#options = options;
  }

  override connect(socket: Socket, details?: Details): void {
    const connection = new Connection(this, socket, details, this.#receiver, this.#options);
    this.connections.add(connection);
    this.#connections.set(connection.session, connection);
    connection.on('error', (error) => this._onError(error));
    connection.init();
  }

  /** The library reads version 1 alone; until `done` it holds the socket, counts it, and cuts it when it closes. */
  override _handleProxy(socket: Socket, done: (error: Error | null, details?: Details) => void): void {
    const { proxies } = this.#options;
    if (proxies === undefined) {
      super._handleProxy(socket, done);
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

  connectionOf(session: SMTPServerSession): Connection | undefined {
    return this.#connections.get(session);
  }
}

/** The SMTP or LMTP server, wired to a receiver. The only file that knows the server library. */
class Listener implements SmtpListener {
  readonly #options: ListenerOptions;
  readonly #receiver: Receiver;
  readonly #server: Server;
  readonly #facts = new WeakMap<SMTPServerSession, SessionFacts>();
  #closing = false;
  port = 0;

  constructor(options: ListenerOptions, receiver: Receiver) {
    this.#options = options;
    this.#receiver = receiver;
    this.#server = new Server(options, this.#handlers(), receiver);
    this.#server.on('error', (error) => receiver.failed(error.message));
  }

  #handlers(): SMTPServerOptions {
    return {
      onConnect: (session, done) => this.#onConnect(session, done),
      onSecure: (_socket, session, done) => this.#onSecure(session, done),
      // Reached by XCLIENT LOGIN alone: the gateway vouches for its client.
      onAuth: (auth, _session, done) =>
        auth.method === 'XCLIENT' ? done(null, { user: auth.username ?? '' }) : done(new Error('no')),
      onMailFrom: (_address, session, done) => this.#onMailFrom(session, done),
      onRcptTo: (_address, session, done) => this.#onRcptTo(session, done),
      onData: (stream, session, done) =>
        void this.#onData(stream, session).then((reply) => this.#answer(reply, session, done)),
      onClose: (session) => this.#onClose(session),
    };
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
    this.#closing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { session, _upgrading } of this.#server.connections) {
      if (!session.envelope?.mailFrom && !_upgrading) this.#dismiss(session, SHUTTING_DOWN);
    }
    return closed;
  }

  #dismiss(session: SMTPServerSession, reply: Reply): void {
    this.#server.connectionOf(session)?.send(reply.code, lineOf(reply));
  }

  #onConnect(session: SMTPServerSession, done: (error?: Error | null) => void): void {
    const address = session.remoteAddress;
    const { proxy, trusted = false } = this.#server.connectionOf(session) ?? {};
    if (!trusted) session.disabledCommands = [...ALWAYS_DISABLED, ...FORWARDING];
    const icid = this.#receiver.connected(address, proxy);
    this.#facts.set(session, { icid, address, trusted });
    this.#expectProgress(session);
    done();
  }

  #onSecure(session: SMTPServerSession, done: (error?: Error | null) => void): void {
    // Nothing that was said in clear text is known any more (RFC 3207 §4.2).
    session.xClient.clear();
    session.xForward.clear();
    this.#receiver.secured();
    done();
  }

  #onMailFrom(session: SMTPServerSession, done: (error?: Error | null) => void): void {
    const refusal = this.#receiver.refuseMail(session.secure);
    if (refusal === undefined) this.#expectProgress(session);
    // Not at once: where the next message is in the same packet, the library would lose what stands behind that one.
    setImmediate(done, refusal === undefined ? null : new RefusedError(refusal));
  }

  #onRcptTo(session: SMTPServerSession, done: (error?: Error | null) => void): void {
    // The library merges equal recipients, but each accepted RCPT gets its own reply in the end (RFC 2033 §4.2).
    if (this.#options.lmtp) this.#server.connectionOf(session)?._rcptIndex.clear();
    done();
  }

  /**
   * A client that sends an octet a minute never idles: what it began, or did not begin, has a limit too. It ends where
   * the message is in, since from then on the client waits for us.
   */
  #expectProgress(session: SMTPServerSession): void {
    const facts = this.#facts.get(session);
    if (facts === undefined) return;
    clearTimeout(facts.progress);
    const limitMs = this.#options.transactionSeconds * 1000;
    facts.progress = setTimeout(() => this.#dismiss(session, TOO_SLOW), limitMs).unref();
  }

  #onData(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<Reply> {
    const facts = this.#facts.get(session);
    stream.once('end', () => clearTimeout(facts?.progress));
    return this.#receiver.receive({
      icid: facts?.icid ?? (0 as Icid),
      peer: peerOf(session, facts),
      sender: addressOf(session.envelope.mailFrom),
      recipients: session.envelope.rcptTo.map(addressOf),
      smtpUtf8: session.envelope.smtpUtf8 ?? false,
      body: stream,
      tooLarge: () => stream.sizeExceeded,
    });
  }

  #answer(
    reply: Reply,
    session: SMTPServerSession,
    done: (error?: Error | null, message?: string | (string | Error)[]) => void,
  ): void {
    this.#expectProgress(session);
    this.#server.connectionOf(session)?.share.countMessage();
    // In LMTP all recipients share one fate: the library repeats the reply for each (RFC 2033 §4.2).
    if (reply.code >= 400) done(new RefusedError(reply));
    else done(null, lineOf(reply));
    if (this.#closing) this.#dismiss(session, SHUTTING_DOWN);
  }

  #onClose(session: SMTPServerSession): void {
    clearTimeout(this.#facts.get(session)?.progress);
    this.#server.connectionOf(session)?.share.stop();
    if (this.#facts.delete(session)) this.#receiver.closed();
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

const addressOf = (address: SMTPServerAddress | false): string =>
  address === false ? '' : withAsciiDomain(address.address);

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
