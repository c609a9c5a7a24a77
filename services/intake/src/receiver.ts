import { toIcid } from '@tdc/core';
import type { Logger } from '@tdc/platform';
import type { IntakeMetrics } from './metrics.ts';
import type { Acceptance, IncomingMessage, NotAccepted, UnavailableReason } from './ports.ts';
import { logRefusedPeers } from './proxy/refused-peers.ts';
import { FAILED, type Reply, replyTo, TLS_REQUIRED, UNAVAILABLE } from './replies.ts';
import type { Receiver } from './smtp-listener.ts';

export interface ReceiverOptions {
  readonly protocol: 'smtp' | 'lmtp';
  readonly requireTls: boolean;
  readonly accept: (message: IncomingMessage) => Promise<Acceptance>;
  /** Why no message can be taken at the moment. */
  readonly unavailable: () => UnavailableReason | undefined;
  readonly nextIcid: () => number | undefined;
  readonly metrics: IntakeMetrics;
  readonly log: Logger;
  readonly now: () => number;
}

const refusalOf = (acceptance: NotAccepted) =>
  acceptance.kind === 'aborted' ? 'aborted' : acceptance.reason;

/** Between the listener and the use case: counts, and turns outcomes into replies. */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { metrics, log, now } = options;
  const logRefusedPeer = logRefusedPeers(log, now);
  return {
    connected(client, through) {
      metrics.connections.inc({ protocol: options.protocol });
      metrics.openConnections.inc();
      // Without Redis there may be no number left; the connection is then answered 451 at MAIL.
      const icid = toIcid(options.nextIcid() ?? 0);
      const way = through === undefined ? '' : ` through the proxy ${through}`;
      log.notice('debug', 'connected', `ICID ${icid} is ${client}${way}`);
      return icid;
    },
    secured: () => metrics.tls.inc(),
    closed: () => metrics.openConnections.dec(),
    turnedAway: () => metrics.turnedAway.inc(),
    proxied: (result) => metrics.proxyHeaders.inc({ result }),
    proxyRefused(result, peer, problem) {
      metrics.proxyHeaders.inc({ result });
      if (result !== 'gone') logRefusedPeer(result, peer, problem);
    },
    tooLargeAnnounced: () => metrics.refused.inc({ reason: 'too-large' }),
    refuseMail(secure) {
      if (options.requireTls && !secure) {
        metrics.refused.inc({ reason: 'tls-required' });
        return TLS_REQUIRED;
      }
      const reason = options.unavailable();
      if (reason === undefined) return undefined;
      metrics.refused.inc({ reason });
      return UNAVAILABLE[reason];
    },
    async receive(message) {
      const startedAt = now();
      try {
        const acceptance = await options.accept(message);
        metrics.duration.observe((now() - startedAt) / 1000);
        count(metrics, acceptance);
        return replyTo(acceptance);
      } catch (error) {
        return failed(options, message, error);
      }
    },
    failed(message) {
      metrics.protocolErrors.inc();
      log.notice('debug', 'connection-failed', `inbound connection failed: ${message}`);
    },
  };
}

function count(metrics: IntakeMetrics, acceptance: Acceptance): void {
  if (acceptance.kind !== 'accepted') {
    const reason = refusalOf(acceptance);
    metrics.refused.inc({ reason });
    if (reason === 'bare-newlines') metrics.bareNewlines.inc({ handling: 'reject' });
    return;
  }
  const { queued, sizeBytes, bareNewlines, ignoredHeaders } = acceptance;
  metrics.accepted.inc({ copy: queued.length > 0 ? 'due' : 'none' });
  metrics.size.observe(sizeBytes);
  if (bareNewlines !== 'none') metrics.bareNewlines.inc({ handling: bareNewlines });
  metrics.ignoredHeaders.inc({}, ignoredHeaders);
}

/** A message that shows a bug of ours must not take the process with it, and all others' mail: its gateway keeps it. */
function failed({ metrics, log }: ReceiverOptions, { icid }: IncomingMessage, error: unknown): Reply {
  metrics.refused.inc({ reason: 'failed' });
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.notice('critical', 'message-failed', `a message of ICID ${icid} could not be handled: ${text}`);
  return FAILED;
}
