import { combinations, type Metrics } from '@tdc/platform';
import type { Admission } from './message/admission.ts';

/** Every way a message or a connection can be turned away. */
const REFUSALS = [
  'too-large',
  'bare-newlines',
  'storage',
  'replicas',
  'memory',
  'policy',
  'time',
  'aborted',
  'tls-required',
  'failed',
] as const;

const PROXY_RESULTS = ['accepted', 'local', 'untrusted', 'missing', 'malformed', 'late', 'gone'] as const;

const PROTOCOLS = ['smtp', 'lmtp'] as const;

/** Every metric of intake. */
export function createIntakeMetrics(metrics: Metrics) {
  const bytesInFlight = metrics.gauge({
    name: 'tdc_intake_bytes_in_flight',
    help: 'Octets of long messages that have room on their way in.',
    known: [{}],
  });
  const waiting = metrics.gauge({
    name: 'tdc_intake_messages_waiting',
    help: 'Long messages that wait for room in the midst of coming in.',
    known: [{}],
  });
  return {
    /** Sets what is only asked for when somebody looks. */
    showAdmission(admission: Pick<Admission, 'bytesInFlight' | 'waiting'>): void {
      bytesInFlight.set(admission.bytesInFlight());
      waiting.set(admission.waiting());
    },
    connections: metrics.counter({
      name: 'tdc_intake_connections_total',
      help: 'Inbound connections.',
      labels: ['protocol'],
      known: combinations({ protocol: PROTOCOLS }),
    }),
    openConnections: metrics.gauge({
      name: 'tdc_intake_connections_open',
      help: 'Inbound connections open at the moment.',
      known: [{}],
    }),
    tls: metrics.counter({
      name: 'tdc_intake_tls_connections_total',
      help: 'Inbound connections that were encrypted.',
      known: [{}],
    }),
    turnedAway: metrics.counter({
      name: 'tdc_intake_connections_refused_total',
      help: 'Inbound connections refused before the greeting: too many at once, or talking too soon.',
      known: [{}],
    }),
    proxyHeaders: metrics.counter({
      name: 'tdc_intake_proxy_headers_total',
      help: 'Connections to the listener behind a proxy, by what became of their PROXY header.',
      labels: ['result'],
      known: combinations({ result: PROXY_RESULTS }),
    }),
    accepted: metrics.counter({
      name: 'tdc_intake_messages_accepted_total',
      help: 'Messages answered with 250, by whether a copy was due.',
      labels: ['copy'],
      known: combinations({ copy: ['due', 'none'] }),
    }),
    refused: metrics.counter({
      name: 'tdc_intake_messages_refused_total',
      help: 'Messages not taken, by reason; the gateway keeps them where the reply was 4xx.',
      labels: ['reason'],
      known: combinations({ reason: REFUSALS }),
    }),
    bareNewlines: metrics.counter({
      name: 'tdc_intake_bare_newline_messages_total',
      help: 'Messages with CR or LF outside CRLF, by what was done with them.',
      labels: ['handling'],
      known: combinations({ handling: ['reject', 'note', 'wrap'] }),
    }),
    ignoredHeaders: metrics.counter({
      name: 'tdc_intake_verdict_headers_ignored_total',
      help: 'Verdict headers that were not believed, their peer not being trusted.',
      known: [{}],
    }),
    size: metrics.histogram({
      name: 'tdc_intake_message_size_bytes',
      help: 'Octets of accepted messages.',
      buckets: [1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864],
      known: [{}],
    }),
    duration: metrics.histogram({
      name: 'tdc_intake_accept_duration_seconds',
      help: 'From the first octet of a message to its reply.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      known: [{}],
    }),
    protocolErrors: metrics.counter({
      name: 'tdc_intake_connection_errors_total',
      help: 'Inbound connections that failed: broken TLS handshakes, resets, time-outs.',
      known: [{}],
    }),
  };
}

export type IntakeMetrics = ReturnType<typeof createIntakeMetrics>;
