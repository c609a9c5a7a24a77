import type { Socket } from 'node:net';
import { type DeliveryFailure, parseIpAddress } from '@tdc/core';
import { connectSocket } from './connect-socket.ts';
import type { OpenOptions, OpenResult } from './outbound-connection.ts';
import { SecuredConnection } from './secured-connection.ts';
import { JournalSmtpConnection, type SetupPhase } from './smtp-connection.ts';
import { tlsContextFor } from './tls-context.ts';
import { type SmtpClientError, toDeliveryFailure } from './to-delivery-failure.ts';

/** What the peer did not do in time. */
const TIMEOUT_TEXT: Readonly<Record<SetupPhase, string>> = {
  banner: 'no greeting in time',
  ehlo: 'no answer to EHLO in time',
  securing: 'TLS handshake timed out',
};

/** Connects, secures and greets one address. Clear text is never an outcome. */
export async function openConnection(options: OpenOptions, signal: AbortSignal): Promise<OpenResult> {
  const { address, port, connectMs } = options;
  const tcp = await connectSocket({ address, port, timeoutMs: connectMs }, signal);
  if (tcp.kind === 'failed') return { kind: 'failed', failure: tcp.failure, ends: undefined };
  options.onConnected(tcp.ends);
  const library = libraryFor(options, tcp.socket);
  const failure = await greet(library, options, signal);
  if (failure !== undefined) {
    library.close();
    return { kind: 'failed', failure, ends: tcp.ends };
  }
  const { extensions, maxSizeBytes } = library;
  const { replyMs, finalReplyMs } = options;
  const connection = new SecuredConnection(library.release(), {
    ends: tcp.ends,
    peer: { extensions, maxSizeBytes },
    replyMs,
    finalReplyMs,
  });
  return { kind: 'open', connection };
}

function libraryFor(options: OpenOptions, socket: Socket): JournalSmtpConnection {
  const name = options.tls.serverName ?? options.hostName;
  const isAddress = parseIpAddress(name) !== undefined;
  // Our own timers bound every phase; those of the library, which a dripping peer keeps from ending, come later.
  const neverMs = 2 * (options.connectMs + options.tlsMs + options.replyMs);
  return new JournalSmtpConnection({
    connection: socket,
    host: name,
    port: options.port,
    name: options.ehloName,
    requireTLS: true,
    tls: {
      secureContext: tlsContextFor(options.tls),
      rejectUnauthorized: options.tls.verify,
      ...(isAddress ? {} : { servername: name }),
    },
    connectionTimeout: neverMs,
    greetingTimeout: neverMs,
    socketTimeout: neverMs,
    socketCloseTimeout: 1000,
    logger: false,
  });
}

/** Runs the dialogue up to the EHLO behind TLS. The first of callback, error, end, timer and abort settles. */
function greet(
  library: JournalSmtpConnection,
  { connectMs, tlsMs, replyMs }: OpenOptions,
  signal: AbortSignal,
): Promise<DeliveryFailure | undefined> {
  const limitMs: Readonly<Record<SetupPhase, number>> = { banner: connectMs, ehlo: replyMs, securing: tlsMs };
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const settle = (failure: DeliveryFailure | undefined): void => {
      clearTimeout(timer);
      library.onSetupPhase = () => undefined;
      signal.removeEventListener('abort', onAbort);
      resolve(failure);
    };
    const fail = (error: SmtpClientError): void =>
      settle(toDeliveryFailure(error, library.isSecuring ? 'securing' : 'setup'));
    const onAbort = (): void => fail({ message: 'the connection is not needed any more', code: 'ETIMEDOUT' });
    const begin = (phase: SetupPhase): void => {
      clearTimeout(timer);
      timer = setTimeout(() => fail({ message: TIMEOUT_TEXT[phase], code: 'ETIMEDOUT' }), limitMs[phase]);
    };
    begin('banner');
    library.onSetupPhase = begin;
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
