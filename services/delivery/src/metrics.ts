import type { DeliveryFailure, TlsFailureReason } from '@tdc/core';
import { combinations, type Metrics, type UnhandledReason } from '@tdc/platform';
import type { CopyObserver } from './copy/ports.ts';
import { CLOSE_REASONS, type ConnectionObserver } from './ports.ts';

/** Seconds. An edge at exactly 120, the end of a copy's life. */
const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90, 120, 180];
const ATTEMPT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const SETUP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const UNHANDLED: readonly UnhandledReason[] = ['failed', 'not-understood'];
const OUTCOMES = ['delivered', 'failed'];
const FAILURES = ['network', 'tls', 'dns', 'refused'];
const TLS_REASONS: readonly TlsFailureReason[] = [
  'not-offered',
  'refused',
  'handshake',
  'protocol',
  'certificate',
  'timeout',
];

const failureKind = ({ kind }: DeliveryFailure): string => (FAILURES.includes(kind) ? kind : 'refused');

/** What of the running process is shown as it is at the moment. */
export interface DelivererState {
  openConnections(): number;
  waitingCopies(): number;
  /** Copies in hand: being attempted, or waiting for a connection. */
  copiesInHand(): number;
  /** When the queue was last seen to move, ms since the epoch. */
  lastProgressAt(): number;
}

/** Every metric of delivery. Outcomes of copies are the monitor's to count; these are this process's own doings. */
export function createDeliveryMetrics(metrics: Metrics, { maxJobs }: { readonly maxJobs: number }) {
  const attempts = metrics.counter({
    name: 'tdc_delivery_attempts_total',
    help: 'Attempts made by this process, by outcome.',
    labels: ['intake', 'outcome'],
  });
  const attemptDuration = metrics.histogram({
    name: 'tdc_delivery_attempt_duration_seconds',
    help: 'From taking up a copy to the end of the attempt, waiting for a connection included.',
    labels: ['intake', 'outcome'],
    buckets: ATTEMPT_BUCKETS,
  });
  const latency = metrics.histogram({
    name: 'tdc_delivery_latency_seconds',
    help: 'From enqueueing a copy to its delivery.',
    labels: ['intake'],
    buckets: LATENCY_BUCKETS,
  });
  const handedBack = metrics.counter({
    name: 'tdc_delivery_handed_back_total',
    help: 'Copies put back untried: no connection was to be had, or the process was stopping.',
    labels: ['intake'],
  });
  const recordDelays = metrics.counter({
    name: 'tdc_delivery_record_delays_total',
    help: 'Times an outcome could not be recorded at once.',
    known: [{}],
  });
  const unhandled = metrics.counter({
    name: 'tdc_delivery_jobs_unhandled_total',
    help: 'Times a job of the queue could not be handled, by why.',
    labels: ['reason'],
    known: combinations({ reason: UNHANDLED }),
  });
  const setup = metrics.histogram({
    name: 'tdc_delivery_connection_setup_seconds',
    help: 'From the first packet to the end of TLS and EHLO.',
    labels: ['intake'],
    buckets: SETUP_BUCKETS,
  });
  const opened = metrics.counter({
    name: 'tdc_delivery_connections_opened_total',
    help: 'Outbound connections that were secured.',
    labels: ['intake'],
  });
  const closed = metrics.counter({
    name: 'tdc_delivery_connections_closed_total',
    help: 'Outbound connections that have ended, by why; lost: not by us.',
    labels: ['intake', 'reason'],
  });
  const failures = metrics.counter({
    name: 'tdc_delivery_connection_failures_total',
    help: 'Connections that did not come about, by what failed.',
    labels: ['intake', 'kind'],
  });
  const tlsFailures = metrics.counter({
    name: 'tdc_delivery_tls_failures_total',
    help: 'Connections that could not be secured, by reason.',
    labels: ['intake', 'reason'],
  });
  const waiting = metrics.gauge({
    name: 'tdc_delivery_waiting_copies',
    help: 'Copies in this process that wait for a connection.',
    known: [{}],
  });
  const progress = metrics.gauge({
    name: 'tdc_delivery_progress_timestamp_seconds',
    help: 'When the queue was last seen to move; what liveness looks at.',
    known: [{}],
  });
  const slots = metrics.gauge({
    name: 'tdc_delivery_slots',
    help: 'Copies that this process may have in hand at once.',
    known: [{}],
  });
  const busySlots = metrics.gauge({
    name: 'tdc_delivery_slots_busy',
    help: 'Copies that this process has in hand: being attempted, or waiting for a connection.',
    known: [{}],
  });
  const open = metrics.gauge({
    name: 'tdc_delivery_connections_open',
    help: 'Outbound connections of this process, those being opened included.',
    known: [{}],
  });

  slots.set(maxJobs);
  const copies: Omit<CopyObserver, 'failed'> = {
    attempted({ route: { intake } }, outcome, seconds) {
      attempts.inc({ intake, outcome });
      attemptDuration.observe(seconds, { intake, outcome });
    },
    delivered: ({ route: { intake } }, seconds) => latency.observe(seconds, { intake }),
    handedBack: ({ route: { intake } }) => handedBack.inc({ intake }),
    recordDelayed: () => recordDelays.inc(),
  };
  const connections: ConnectionObserver = {
    opened(intake, seconds) {
      opened.inc({ intake });
      setup.observe(seconds, { intake });
    },
    failed(intake, failure) {
      failures.inc({ intake, kind: failureKind(failure) });
      if (failure.kind === 'tls') tlsFailures.inc({ intake, reason: failure.reason });
    },
    closed: (intake, reason) => closed.inc({ intake, reason }),
  };
  return {
    copies,
    connections,
    /** Counts a job that could not be handled. */
    unhandled: (reason: UnhandledReason): void => unhandled.inc({ reason }),
    /** Sets what is only asked for when somebody looks. */
    show(state: DelivererState): void {
      open.set(state.openConnections());
      waiting.set(state.waitingCopies());
      busySlots.set(state.copiesInHand());
      progress.set(state.lastProgressAt() / 1000);
    },
    /** Makes every series of an intake exist, at 0. */
    knowIntakes(aliases: readonly string[]) {
      const intake = aliases;
      for (const labels of combinations({ intake, outcome: OUTCOMES })) attempts.inc(labels, 0);
      for (const labels of combinations({ intake, kind: FAILURES })) failures.inc(labels, 0);
      for (const labels of combinations({ intake, reason: TLS_REASONS })) tlsFailures.inc(labels, 0);
      for (const labels of combinations({ intake, reason: CLOSE_REASONS })) closed.inc(labels, 0);
      for (const counter of [handedBack, opened])
        for (const alias of aliases) counter.inc({ intake: alias }, 0);
      for (const labels of combinations({ intake, outcome: OUTCOMES })) attemptDuration.know(labels);
      for (const histogram of [latency, setup])
        for (const alias of aliases) histogram.know({ intake: alias });
    },
  };
}

export type DeliveryMetrics = ReturnType<typeof createDeliveryMetrics>;
