/** One situation of promtool's unit tests, a sample every 15 seconds unless `interval` says otherwise. */
export interface AlertCase {
  readonly alert: string;
  readonly when: string;
  /** Series to values, in promtool's notation. */
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  readonly interval?: string;
  /** Labels of each alert that fires, without its name; empty when none must. */
  readonly firing: readonly Readonly<Record<string, string>>[];
}

const M = 'namespace="mail"';
const INTAKE = `${M},queue="the.tdc.queue",intake="primary"`;
const critical = { severity: 'critical', namespace: 'mail' };
const warning = { severity: 'warning', namespace: 'mail' };
const ofIntake = { ...critical, intake: 'primary' };

const hard = (reason: string): string => `tdc_hard_bounced_recipients_total{${INTAKE},reason="${reason}"}`;
const delivered = `tdc_delivered_recipients_total{${INTAKE}}`;
const oldest = `tdc_oldest_message_age_seconds{${INTAKE}}`;
const waiting = `tdc_queue_jobs{${M},queue="the.tdc.queue",state="waiting"}`;
const demand = `tdc_queue_demand{${M},queue="the.tdc.queue"}`;
const progress = (pod: string): string => `tdc_delivery_progress_timestamp_seconds{${M},pod="${pod}"}`;

/** Alerts on a gauge that is bad as long as it stands where it stands. */
function onGauge(
  alert: string,
  parts: {
    readonly series: string;
    readonly good: string;
    readonly bad: string;
    readonly at: string;
    readonly firing: Readonly<Record<string, string>>;
    readonly with?: Readonly<Record<string, string>>;
  },
): readonly AlertCase[] {
  const { series, good, bad, at, firing, with: others = {} } = parts;
  return [
    { alert, when: `${series} is ${bad}`, series: { ...others, [series]: bad }, at, firing: [firing] },
    { alert, when: `${series} is ${good}`, series: { ...others, [series]: good }, at, firing: [] },
  ];
}

const QUEUE: readonly AlertCase[] = [
  ...onGauge('TDCOldestMessageOld', {
    series: oldest,
    good: '75x20',
    bad: '91x20',
    at: '1m',
    firing: ofIntake,
  }),
  {
    alert: 'TDCWorkersStuck',
    when: 'no worker has moved for a minute, and jobs wait',
    series: { [progress('a')]: '0x20', [progress('b')]: '10x20', [waiting]: '3x20' },
    at: '1m',
    firing: [critical],
  },
  {
    alert: 'TDCWorkersStuck',
    when: 'one worker moves',
    series: { [progress('a')]: '0x20', [progress('b')]: '0+15x20', [waiting]: '3x20' },
    at: '1m',
    firing: [],
  },
  {
    alert: 'TDCWorkersStuck',
    when: 'nothing waits',
    series: { [progress('a')]: '0x20', [waiting]: '0x20' },
    at: '1m',
    firing: [],
  },
  {
    alert: 'TDCNoWorkers',
    when: 'jobs and no slots',
    series: { [demand]: '2x20' },
    at: '1m',
    firing: [critical],
  },
  {
    alert: 'TDCNoWorkers',
    when: 'a worker of another installation does not count',
    series: { [demand]: '2x20', 'tdc_delivery_slots{namespace="other"}': '500x20' },
    at: '1m',
    firing: [critical],
  },
  {
    alert: 'TDCNoWorkers',
    when: 'there is a worker',
    series: { [demand]: '2x20', [`tdc_delivery_slots{${M},pod="a"}`]: '500x20' },
    at: '1m',
    firing: [],
  },
  ...onGauge('TDCDeliverySaturated', {
    series: `tdc_delivery_slots_busy{${M},pod="a"}`,
    good: '80x20',
    bad: '95x20',
    at: '1m',
    firing: warning,
    with: { [`tdc_delivery_slots{${M},pod="a"}`]: '100x20', [oldest]: '40x20' },
  }),
  {
    alert: 'TDCDeliverySaturated',
    when: 'every slot is busy, and no copy grows old',
    series: {
      [`tdc_delivery_slots_busy{${M},pod="a"}`]: '100x20',
      [`tdc_delivery_slots{${M},pod="a"}`]: '100x20',
      [oldest]: '4x20',
    },
    at: '1m',
    firing: [],
  },
  ...onGauge('TDCScaledToMax', {
    series: `kube_horizontalpodautoscaler_status_current_replicas{${M},horizontalpodautoscaler="keda-hpa-tdc-delivery"}`,
    good: '4x20',
    bad: '5x20',
    at: '2m',
    firing: warning,
    with: {
      [`kube_horizontalpodautoscaler_spec_max_replicas{${M},horizontalpodautoscaler="keda-hpa-tdc-delivery"}`]:
        '5x20',
      [oldest]: '40x20',
    },
  }),
  ...onGauge('TDCHostDown', {
    series: `tdc_host_up{${INTAKE}}`,
    good: '1x20',
    bad: '0x20',
    at: '1m',
    firing: ofIntake,
  }),
  ...onGauge('TDCMessagesExpired', {
    series: hard('expired'),
    good: '7x40',
    bad: '7+0x10 8x30',
    at: '5m',
    firing: { ...warning, intake: 'primary' },
  }),
  ...onGauge('TDCHardBounceConfig', {
    series: hard('tls'),
    good: '0x60',
    bad: '0+1x60',
    at: '8m',
    firing: { ...ofIntake, reason: 'tls' },
    with: { [delivered]: '0+9x60', [hard('4xx')]: '0+1x60' },
  }),
  {
    alert: 'TDCHardBounceConfig',
    when: 'one in a hundred is refused',
    series: { [hard('5xx')]: '0+1x60', [delivered]: '0+99x60' },
    at: '8m',
    firing: [],
  },
  ...onGauge('TDCOriginalsLost', {
    series: hard('spool'),
    good: '0x60',
    bad: '0x10 1x50',
    at: '5m',
    firing: ofIntake,
  }),
  ...onGauge('TDCAccountingDifference', {
    series: `tdc_accounting_difference{${M},queue="the.tdc.queue"}`,
    good: '0x20',
    bad: '1x20',
    at: '2m',
    firing: critical,
  }),
  ...onGauge('TDCSweepFailing', {
    series: `tdc_monitor_sweep_failures_total{${M}}`,
    good: '4x20',
    bad: '0+1x20',
    at: '3m',
    firing: warning,
    with: { [`tdc_redis_up{${M}}`]: '1x20' },
  }),
  {
    alert: 'TDCSweepFailing',
    when: 'Redis is away, which has an alert of its own',
    series: { [`tdc_monitor_sweep_failures_total{${M}}`]: '0+1x20', [`tdc_redis_up{${M}}`]: '0x20' },
    at: '3m',
    firing: [],
  },
];

const refused = (reason: string): string => `tdc_intake_messages_refused_total{${M},reason="${reason}"}`;
const accepted = `tdc_intake_messages_accepted_total{${M},copy="due"}`;
const revision = (job: string): string => `tdc_policy_revision{${M},job="${job}"}`;
const certificate = `tdc_tls_certificate_not_after_timestamp_seconds{${M},job="tdc-intake",use="smtp"}`;
const limit = { [`tdc_redis_memory_limit_bytes{${M}}`]: '1000x20' };

const PROCESSES: readonly AlertCase[] = [
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
    series: `tdc_policy_stale_seconds{${M},job="tdc-intake"}`,
    good: '5x20',
    bad: '61+15x20',
    at: '1m',
    firing: { ...warning, job: 'tdc-intake' },
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
    firing: { ...warning, job: 'tdc-intake', use: 'smtp' },
  }),
  {
    alert: 'TDCCertificateExpiring',
    when: 'an hour is left',
    series: { [certificate]: '3600x20' },
    at: '2m',
    firing: [critical, warning].map((labels) => ({ ...labels, job: 'tdc-intake', use: 'smtp' })),
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

/** Losses of so many in a thousand, from the start until the time that is looked at. */
const burning = (perMille: number, minutes: number): Readonly<Record<string, string>> => ({
  [hard('5xx')]: `0+${perMille}x${minutes}`,
  [delivered]: `0+${1000 - perMille}x${minutes}`,
});
const burnt = (window: string, severity: string) => ({ ...ofIntake, window, severity });

const BUDGET: readonly AlertCase[] = [
  {
    alert: 'TDCJournalBudgetBurn',
    when: '2 % are lost for half an hour',
    series: burning(20, 60),
    interval: '1m',
    at: '30m',
    // A longer window sees no other time than what there is.
    firing: [burnt('1h', 'critical'), burnt('6h', 'critical')],
  },
  {
    alert: 'TDCJournalBudgetBurn',
    when: '0.4 % are lost for two hours',
    series: burning(4, 180),
    interval: '1m',
    at: '2h',
    firing: [burnt('1d', 'warning')],
  },
  {
    alert: 'TDCJournalBudgetBurn',
    when: '0.2 % are lost for five hours',
    series: burning(2, 360),
    interval: '1m',
    at: '5h',
    firing: [burnt('3d', 'warning')],
  },
  {
    alert: 'TDCJournalBudgetBurn',
    when: 'half of the budget is used',
    series: burning(0.5, 360),
    interval: '1m',
    at: '5h',
    firing: [],
  },
  {
    alert: 'TDCJournalBudgetBurn',
    when: 'it is over',
    series: { [hard('5xx')]: '0+100x10 1000x360', [delivered]: '0+900x370' },
    interval: '1m',
    at: '90m',
    firing: [burnt('1d', 'warning')],
  },
  {
    alert: 'TDCJournalBudgetBurn',
    when: 'one copy of a quiet night is lost',
    series: { [hard('5xx')]: '0x10 1x50', [delivered]: '0x20 1x40' },
    interval: '1m',
    at: '30m',
    firing: [],
  },
];

/** At least one that fires and one that does not, for each alert. */
export const ALERT_CASES: readonly AlertCase[] = [...QUEUE, ...PROCESSES, ...BUDGET];
