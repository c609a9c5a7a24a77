import { toIcid } from '@tdc/core';
import type { Logger } from '@tdc/platform';
import type { IntakeMetrics, Refusal } from './metrics.ts';
import type { Acceptance, IncomingMessage, UnavailableReason } from './ports.ts';
import { replyTo, TLS_REQUIRED, UNAVAILABLE } from './replies.ts';
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

const refusalOf = (acceptance: Exclude<Acceptance, { kind: 'accepted' }>): Refusal =>
  acceptance.kind === 'aborted' ? 'aborted' : acceptance.reason;

/** Between the listener and the use case: counts, and turns outcomes into replies. */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { metrics, log, now } = options;
  return {
    connected() {
      metrics.connections.inc({ protocol: options.protocol });
      metrics.openConnections.inc();
      // Without Redis there may be no number left; the connection is then answered 451 at MAIL.
      return toIcid(options.nextIcid() ?? 0);
    },
    secured: () => metrics.tls.inc(),
    closed: () => metrics.openConnections.dec(),
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
      const acceptance = await options.accept(message);
      metrics.duration.observe((now() - startedAt) / 1000);
      if (acceptance.kind === 'accepted') {
        metrics.accepted.inc({ copy: acceptance.queued.length > 0 ? 'due' : 'none' });
        metrics.size.observe(acceptance.sizeBytes);
      } else metrics.refused.inc({ reason: refusalOf(acceptance) });
      return replyTo(acceptance);
    },
    failed(message) {
      metrics.protocolErrors.inc();
      log.notice('debug', 'connection-failed', `inbound connection failed: ${message}`);
    },
  };
}
