import { combinations, type Metrics } from '@tdc/platform';

/** Every metric of the policy service. */
export function createPolicyMetrics(metrics: Metrics) {
  return {
    revision: metrics.gauge({
      name: 'tdc_policy_revision',
      help: 'Revision of the policy document in force; 0 when there is none.',
      known: [{}],
    }),
    loads: metrics.counter({
      name: 'tdc_policy_loads_total',
      help: 'Times a changed policy document was read, by result.',
      labels: ['result'],
      known: combinations({ result: ['valid', 'invalid'] }),
    }),
    documentValid: metrics.gauge({
      name: 'tdc_policy_document_valid',
      help: '1 when the newest document is in force, 0 when it was refused and the last good one is served.',
      known: [{}],
    }),
    lastLoad: metrics.gauge({
      name: 'tdc_policy_last_load_timestamp_seconds',
      help: 'When the document in force was read, seconds since the epoch.',
      known: [{}],
    }),
    watchers: metrics.gauge({
      name: 'tdc_policy_watchers',
      help: 'Open watch streams.',
      known: [{}],
    }),
  };
}

export type PolicyMetrics = ReturnType<typeof createPolicyMetrics>;
