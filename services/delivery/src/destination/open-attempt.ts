import type { CopyRoute, Dcid, DeliveryFailure } from '@tdc/core';
import { NO_CONNECTION } from '@tdc/core';
import type { Carriage, DestinationPorts } from '../ports.ts';
import type { OutboundConnection } from '../smtp/outbound-connection.ts';
import type { Candidate, Resolution } from './resolve-destination.ts';

/** How one attempt to get a connection came out. */
export type OpenAttempt =
  | { readonly kind: 'open'; readonly connection: OutboundConnection }
  | { readonly kind: 'failed'; readonly dcid: Dcid; readonly failure: DeliveryFailure };

export interface OpenAttemptInput {
  readonly route: CopyRoute;
  readonly carriage: Carriage;
  readonly dcid: Dcid;
  readonly signal: AbortSignal;
  readonly resolved: (resolution: Extract<Resolution, { kind: 'resolved' }>) => void;
}

/** An address list can be long; a copy's life is short. */
const MAX_CANDIDATES = 6;

/**
 * One attempt to connect: resolves the destination and tries its addresses in turn, IPv4 and IPv6, hosts of equal cost
 * first, until one of them is secured (spec §5). What the last one said counts.
 */
export async function attemptToOpen(ports: DestinationPorts, input: OpenAttemptInput): Promise<OpenAttempt> {
  const { route, dcid, signal } = input;
  const resolution = await ports.resolve(route);
  if (resolution.kind === 'failed') {
    ports.observe.failed(route.intake, resolution.failure);
    return { kind: 'failed', dcid: NO_CONNECTION, failure: resolution.failure };
  }
  input.resolved(resolution);
  let last: DeliveryFailure | undefined;
  for (const candidate of resolution.candidates.slice(0, MAX_CANDIDATES)) {
    if (signal.aborted) break;
    const opened = await openCandidate(ports, input, candidate);
    if (opened.kind === 'open') return opened;
    last = opened.failure;
  }
  const failure = last ?? { kind: 'network', reason: 'timeout', detail: 'connection timed out' };
  return { kind: 'failed', dcid, failure };
}

type Opened =
  | { readonly kind: 'open'; readonly connection: OutboundConnection }
  | { readonly kind: 'failed'; readonly failure: DeliveryFailure };

async function openCandidate(
  ports: DestinationPorts,
  { route, carriage, dcid, signal }: OpenAttemptInput,
  { address, hostName }: Candidate,
): Promise<Opened> {
  const { log, observe, now } = ports;
  const startedAt = now();
  const { intake, port } = route;
  const result = await ports.open(
    {
      address,
      port,
      hostName,
      tls: carriage.tls,
      onConnected: (ends) => log({ kind: 'new-dcid', dcid, intake, ends }),
    },
    signal,
  );
  if (result.kind === 'open') {
    const { protocol, cipher } = result.connection;
    log({ kind: 'tls-success', dcid, protocol, cipher });
    observe.opened(intake, (now() - startedAt) / 1000);
    return result;
  }
  // What we gave up ourselves tells nothing of the peer.
  if (signal.aborted) return result;
  logFailure(ports, {
    route,
    dcid,
    address,
    failure: result.failure,
    localAddress: result.ends?.localAddress,
  });
  return result;
}

interface FailedOpen {
  readonly route: CopyRoute;
  readonly dcid: Dcid;
  readonly address: string;
  readonly localAddress: string | undefined;
  readonly failure: DeliveryFailure;
}

function logFailure({ log, observe }: DestinationPorts, failed: FailedOpen): void {
  const { route, dcid, address, failure } = failed;
  observe.failed(route.intake, failure);
  if (failure.kind === 'tls') {
    log({ kind: 'tls-failed', dcid, reason: failure.detail });
    return;
  }
  const details = failure.kind === 'network' ? failure.reason : 'refused';
  const reason =
    failure.kind === 'smtp-reply'
      ? failure.reply.text
      : failure.kind === 'network'
        ? failure.detail
        : failure.kind;
  // The gateway names the interface even where no connection came about; without one it is not known.
  const ends = { localAddress: failed.localAddress ?? '0.0.0.0', peerAddress: address, port: route.port };
  log({ kind: 'connection-error', dcid, intake: route.intake, ends, details, reason });
}
