import { type AlertCase, critical, M, onGauge, warning } from './case.ts';

const refused = (reason: string): string => `tdc_intake_messages_refused_total{${M},reason="${reason}"}`;
const accepted = `tdc_intake_messages_accepted_total{${M},copy="due"}`;
const revision = (job: string): string => `tdc_policy_revision{${M},job="${job}"}`;
const certificate = `tdc_tls_certificate_not_after_timestamp_seconds{${M},job="mail/tdc",instance="a",use="smtp"}`;
const intake = { [`tdc_build_info{${M},job="mail/tdc",instance="a",component="intake"}`]: '1x20' };
const limit = { [`tdc_redis_memory_limit_bytes{${M}}`]: '1000x20' };

/** How the processes and what they stand on are. */
export const PROCESSES: readonly AlertCase[] = [
  ...onGauge('TDCIntakeDeferring', {
    series: refused('storage'),
    good: '0x60',
    bad: '0+1x60',
    at: '8m',
    firing: warning,
    with: { [accepted]: '0+9x60' },
  }),
  {
    alert: 'TDCIntakeDeferring',
    when: 'messages are refused for good',
    series: { [refused('too-large')]: '0+5x60', [refused('storage')]: '0x60', [accepted]: '0+5x60' },
    at: '8m',
    firing: [],
  },
  ...onGauge('TDCVerdictHeadersIgnored', {
    series: `tdc_intake_verdict_headers_ignored_total{${M}}`,
    good: '3x60',
    bad: '0+1x60',
    at: '10m',
    firing: warning,
  }),
  ...onGauge('TDCProxyHeadersRefused', {
    series: `tdc_intake_proxy_headers_total{${M},result="malformed"}`,
    good: '3x60',
    bad: '0+1x60',
    at: '10m',
    firing: { ...warning, result: 'malformed' },
    with: { [`tdc_intake_proxy_headers_total{${M},result="accepted"}`]: '0+1x60' },
  }),
  ...onGauge('TDCPolicyRevisionSkew', {
    series: revision('tdc-intake'),
    good: '7x20',
    bad: '6x20',
    at: '3m',
    firing: warning,
    with: { [revision('tdc-policy')]: '7x20' },
  }),
  ...onGauge('TDCPolicyReloadFailing', {
    series: `tdc_policy_document_valid{${M}}`,
    good: '1x20',
    bad: '0x20',
    at: '2m',
    firing: warning,
  }),
  ...onGauge('TDCPolicyAway', {
    series: `tdc_policy_stale_seconds{${M},job="mail/tdc",instance="a"}`,
    with: intake,
    good: '5x20',
    bad: '61+15x20',
    at: '1m',
    firing: { ...warning, component: 'intake' },
  }),
  ...onGauge('TDCRedisDown', {
    series: `tdc_redis_up{${M}}`,
    good: '1x20',
    bad: '0x20',
    at: '1m',
    firing: critical,
  }),
  ...onGauge('TDCRedisEvicting', {
    series: `tdc_redis_evicted_keys_total{${M}}`,
    good: '5x60',
    bad: '0x10 1x50',
    at: '5m',
    firing: critical,
  }),
  ...onGauge('TDCRedisMemoryHigh', {
    series: `tdc_redis_memory_used_bytes{${M}}`,
    good: '600x20',
    bad: '750x20',
    at: '2m',
    firing: warning,
    with: limit,
  }),
  {
    alert: 'TDCRedisMemoryHigh',
    when: 'there is no limit',
    series: {
      [`tdc_redis_memory_used_bytes{${M}}`]: '750x20',
      [`tdc_redis_memory_limit_bytes{${M}}`]: '0x20',
    },
    at: '2m',
    firing: [],
  },
  ...onGauge('TDCRedisPersistenceFailing', {
    series: `tdc_redis_aof_ok{${M}}`,
    good: '1x20',
    bad: '0x20',
    at: '2m',
    firing: critical,
    with: { [`tdc_redis_save_ok{${M}}`]: '1x20' },
  }),
  ...onGauge('TDCRedisPersistenceFailing', {
    series: `tdc_redis_save_ok{${M}}`,
    good: '1x20',
    bad: '0x20',
    at: '2m',
    firing: critical,
    with: { [`tdc_redis_aof_ok{${M}}`]: '1x20' },
  }),
  ...onGauge('TDCCertificateExpiring', {
    series: certificate,
    good: '864000x20',
    bad: '432000x20',
    at: '2m',
    firing: { ...warning, component: 'intake', use: 'smtp' },
    with: intake,
  }),
  {
    alert: 'TDCCertificateExpiring',
    when: 'an hour is left',
    series: { ...intake, [certificate]: '3600x20' },
    at: '2m',
    firing: [critical, warning].map((labels) => ({ ...labels, component: 'intake', use: 'smtp' })),
  },
  ...onGauge('TDCTargetDown', {
    series: `up{${M},job="tdc-intake",instance="10.0.0.1:9090"}`,
    good: '1x20',
    bad: '0x20',
    at: '2m',
    firing: { ...warning, job: 'tdc-intake', instance: '10.0.0.1:9090' },
  }),
  {
    alert: 'TDCTargetDown',
    when: 'somebody else’s target is down',
    series: { 'up{job="node"}': '0x20' },
    at: '2m',
    firing: [],
  },
  {
    alert: 'TDCProcessAbsent',
    when: 'nobody has a monitor',
    series: {
      'tdc_build_info{component="intake"}': '1x20',
      'tdc_build_info{component="delivery"}': '1x20',
      'tdc_build_info{component="policy"}': '1x20',
    },
    at: '2m',
    firing: [{ severity: 'critical', component: 'monitor' }],
  },
  {
    alert: 'TDCProcessAbsent',
    when: 'everybody is there',
    series: Object.fromEntries(
      ['intake', 'delivery', 'policy', 'monitor'].map((one) => [
        `tdc_build_info{component="${one}"}`,
        '1x20',
      ]),
    ),
    at: '2m',
    firing: [],
  },
];
