import type { ConnectionEnds, DeliveryFailure } from '@tdc/core';
import {
  type CertificateAuthority,
  createAuthority,
  type Script,
  type StandIn,
  startStandIn,
} from '@tdc/stand-in';
import { openConnection } from '../../services/delivery/src/smtp/open-connection.ts';
import type {
  OpenOptions,
  OpenResult,
  OutboundConnection,
  OutboundMessage,
  SendResult,
} from '../../services/delivery/src/smtp/outbound-connection.ts';

export const MX_NAME = 'mx.setd.example';
export const NEVER: AbortSignal = new AbortController().signal;

/** A stand-in with every certificate that a test may want it to show, and the authority behind the good ones. */
export interface Peer {
  readonly standIn: StandIn;
  readonly authority: CertificateAuthority;
}

/** Where a peer is, and who has signed its certificate. */
export interface PeerAddress {
  readonly standIn: Pick<StandIn, 'host' | 'port'>;
  readonly authority: Pick<CertificateAuthority, 'cert'>;
}

/** Starts a stand-in on an address of this machine, under a new authority or this one. */
export async function startPeer(
  where: { readonly host?: string; readonly port?: number } = {},
  authority?: CertificateAuthority,
): Promise<Peer> {
  authority ??= await createAuthority();
  const certificates = {
    default: await authority.issue({ names: [MX_NAME, 'localhost'] }),
    rsa: await authority.issue({ names: [MX_NAME], algorithm: 'rsa' }),
    address: await authority.issue({ names: ['127.0.0.1'] }),
    expired: await authority.issue({ names: [MX_NAME], expired: true }),
    'wrong-name': await authority.issue({ names: ['other.example'] }),
    'self-signed': await authority.issue({ names: [MX_NAME], selfSigned: true }),
  };
  return { authority, standIn: await startStandIn({ certificates, hostname: MX_NAME, ...where }) };
}

/** How a connection is opened to the peer, unless a test says otherwise; times are short and none is waited for in vain. */
export function openOptions(
  { standIn, authority }: PeerAddress,
  changes: Partial<OpenOptions> = {},
): OpenOptions {
  return {
    address: standIn.host,
    port: standIn.port,
    hostName: MX_NAME,
    ehloName: 'delivery.example.net',
    tls: { verify: true, maxVersion: 'TLSv1.3', ca: authority.cert },
    connectMs: 2_000,
    tlsMs: 2_000,
    replyMs: 2_000,
    finalReplyMs: 2_000,
    onConnected: () => undefined,
    ...changes,
  };
}

/** Opens a connection while the peer plays the script; what it plays afterwards is up to the test. */
export function open(
  peer: Peer,
  script: Script = {},
  changes: Partial<OpenOptions> = {},
  signal: AbortSignal = NEVER,
): Promise<OpenResult> {
  peer.standIn.script(script);
  return openConnection(openOptions(peer, changes), signal);
}

/** The connection of an attempt that must have worked out. */
export async function opened(attempt: Promise<OpenResult>): Promise<OutboundConnection> {
  const result = await attempt;
  if (result.kind === 'open') return result.connection;
  throw new Error(`no connection: ${nameOfFailure(result.failure)}`);
}

/** `kind/reason`, or `smtp-reply/stage/code`: what a table of failures says in one word. */
export function nameOfFailure(failure: DeliveryFailure): string {
  switch (failure.kind) {
    case 'smtp-reply':
      return `smtp-reply/${failure.stage}/${failure.reply.code}`;
    case 'dns':
      return `dns/${failure.code}`;
    case 'uncertain':
      return 'uncertain';
    case 'tls':
    case 'network':
    case 'spool':
    case 'unconveyable':
      return `${failure.kind}/${failure.reason}`;
  }
}

/** The same of a message that was sent: `delivered`, `stale`, `cut`, or its failure. */
export const nameOf = (result: SendResult): string =>
  result.kind === 'failed' ? nameOfFailure(result.failure) : result.kind;

/** A message as delivery hands it to a connection. */
export function outboundMessage(octets: Buffer, changes: Partial<OutboundMessage> = {}): OutboundMessage {
  return {
    sender: '',
    recipient: 'journal@setd.example',
    sizeBytes: octets.length,
    eightBit: octets.some((octet) => octet > 127),
    smtpUtf8: 'no',
    hasBareNewlines: true,
    content: inPieces(octets),
    onFinalDot: () => undefined,
    ...changes,
  };
}

/** A message where it does not matter which. */
export const TEXT = Buffer.from('Subject: x\r\n\r\nText\r\n');

/** Sends a message, with all the time that it takes. */
export const send = (
  connection: OutboundConnection,
  octets: Buffer = TEXT,
  changes: Partial<OutboundMessage> = {},
): Promise<SendResult> => connection.send(outboundMessage(octets, changes), NEVER);

/** The octets in pieces of a size that is no multiple of anything. */
export async function* inPieces(octets: Buffer, size = 65_521): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}

/** Collects the ends that a connection tells. */
export function endsSeen() {
  const seen: ConnectionEnds[] = [];
  return { seen, onConnected: (ends: ConnectionEnds): void => void seen.push(ends) };
}
