import { type AlertText, once, select, sumBy, withComponent } from './rule.ts';
import type { RuleSettings } from './settings.ts';

const COMPONENTS = ['intake', 'delivery', 'policy', 'monitor'] as const;
/** Refusals with which the gateway keeps the message: it comes late, or never. */
export const DEFERRALS = 'storage|replicas|memory|policy|time|failed';
const DAY_SECONDS = 86_400;

function intakeAlerts(settings: RuleSettings): readonly AlertText[] {
  const { thresholds: limit } = settings;
  const of = (metric: string, ...matchers: readonly string[]): string =>
    select(metric, settings, ...matchers);
  const deferred = sumBy(`rate(${of('tdc_intake_messages_refused_total', `reason=~"${DEFERRALS}"`)}[5m])`);
  const accepted = sumBy(`rate(${of('tdc_intake_messages_accepted_total')}[5m])`);
  return [
    {
      alert: 'TDCIntakeDeferring',
      severity: 'warning',
      for: '1m',
      expr: `100 * ${deferred}\n/ (${deferred} + ${accepted} > 0) > ${limit.deferringPercent}`,
      summary: 'Intake leaves messages with the gateway.',
      description:
        '{{ $value | humanize }} % of the messages are answered 451 or 452; the gateway keeps them and comes again.',
    },
    {
      alert: 'TDCVerdictHeadersIgnored',
      severity: 'warning',
      for: '5m',
      expr: `${sumBy(`increase(${of('tdc_intake_verdict_headers_ignored_total')}[10m])`)} > 0`,
      summary: 'Verdict headers come from a peer that is not trusted.',
      description:
        '{{ $value | humanize }} verdict headers were not believed within 10 minutes. If a gateway of yours sends them, its ' +
        'network is missing in TDC_TRUSTED_PEERS, and what it found unclean is journaled.',
    },
    {
      alert: 'TDCProxyHeadersRefused',
      severity: 'warning',
      for: '5m',
      expr: `${sumBy(`increase(${of('tdc_intake_proxy_headers_total', 'result!~"accepted|local"')}[10m])`, 'result')} > 0`,
      summary: 'Connections to the PROXY listener are refused: {{ $labels.result }}.',
      description:
        '{{ $value | humanize }} connections within 10 minutes had no good PROXY header, or came from outside TDC_SMTP_PROXY_TRUSTED.',
    },
  ];
}

function policyAlerts(settings: RuleSettings): readonly AlertText[] {
  const of = (metric: string): string => select(metric, settings);
  const revision = of('tdc_policy_revision');
  return [
    {
      alert: 'TDCPolicyRevisionSkew',
      severity: 'warning',
      for: '2m',
      expr: `${once(revision)} - min by (cluster, namespace) (${revision}) > 0`,
      summary: 'Processes work by different revisions of the policy.',
      description: 'Between the oldest and the newest revision in force there are {{ $value }}.',
    },
    {
      alert: 'TDCPolicyReloadFailing',
      severity: 'warning',
      for: '1m',
      expr: `min by (cluster, namespace) (${of('tdc_policy_document_valid')}) == 0`,
      summary: 'The newest policy document was refused; the one before it stays in force.',
      description:
        'What was edited has no effect. The log of the policy service names every problem in the document.',
    },
    {
      alert: 'TDCPolicyAway',
      severity: 'warning',
      for: '30s',
      expr: `${once(withComponent(of('tdc_policy_stale_seconds'), of('tdc_build_info')), 'component')} > ${settings.thresholds.policyStaleSeconds}`,
      summary: 'A process of {{ $labels.component }} does not hear from the policy service.',
      description:
        'Nothing was heard for {{ $value | humanizeDuration }}. The revision that is known stays in force, and no change arrives.',
    },
  ];
}

function redisAlerts(settings: RuleSettings): readonly AlertText[] {
  const of = (metric: string): string => select(metric, settings);
  const limit = once(of('tdc_redis_memory_limit_bytes'));
  return [
    {
      alert: 'TDCRedisDown',
      severity: 'critical',
      for: '15s',
      expr: `${once(of('tdc_redis_up'))} == 0`,
      summary: 'Redis does not answer.',
      description:
        'Intake answers 451 and the gateways keep their mail; nothing is delivered, and copies run out of time.',
    },
    {
      alert: 'TDCRedisEvicting',
      severity: 'critical',
      for: '0s',
      expr: `${once(`increase(${of('tdc_redis_evicted_keys_total')}[10m])`)} > 0`,
      summary: 'Redis throws data away for lack of memory.',
      description:
        '{{ $value | humanize }} keys were evicted within 10 minutes: copies vanish. maxmemory-policy must be noeviction.',
    },
    {
      alert: 'TDCRedisMemoryHigh',
      severity: 'warning',
      for: '1m',
      expr: `100 * ${once(of('tdc_redis_memory_used_bytes'))} / (${limit} > 0) > ${settings.thresholds.redisMemoryPercent}`,
      summary: 'The memory of Redis is nearly used up.',
      description:
        '{{ $value | humanize }} % of its limit are in use. At TDC_REDIS_MAX_MEMORY_PERCENT intake answers 452.',
    },
    {
      alert: 'TDCRedisPersistenceFailing',
      severity: 'critical',
      for: '1m',
      expr: `min by (cluster, namespace) (${of('tdc_redis_aof_ok')}) == 0 or min by (cluster, namespace) (${of('tdc_redis_save_ok')}) == 0`,
      summary: 'Redis cannot write to its disk.',
      description:
        'What was acknowledged to the gateways would not survive a restart of Redis. Look at its volume and its log.',
    },
  ];
}

function targetAlerts(settings: RuleSettings): readonly AlertText[] {
  const { thresholds: limit } = settings;
  const of = (metric: string, ...matchers: readonly string[]): string =>
    select(metric, settings, ...matchers);
  const ends = withComponent(of('tdc_tls_certificate_not_after_timestamp_seconds'), of('tdc_build_info'));
  const left = `min by (cluster, namespace, component, use) (${ends}) - time()`;
  const expiring = (severity: 'warning' | 'critical', days: string): AlertText => ({
    alert: 'TDCCertificateExpiring',
    severity,
    for: '1m',
    expr: `${left} < ${days} * ${DAY_SECONDS}`,
    summary: 'The {{ $labels.use }} certificate of {{ $labels.component }} ends soon.',
    description:
      'It ends in {{ $value | humanizeDuration }}. A renewed pair is picked up from its files without a restart.',
  });
  return [
    expiring('warning', limit.certificateWarningDays),
    expiring('critical', limit.certificateCriticalDays),
    {
      alert: 'TDCTargetDown',
      severity: 'warning',
      for: '1m',
      expr: `${of('up', `job=~"${settings.jobs}"`)} == 0`,
      summary: '{{ $labels.instance }} of {{ $labels.job }} cannot be scraped.',
      description: 'The process is gone, stuck, or out of reach of Prometheus.',
    },
    {
      alert: 'TDCProcessAbsent',
      severity: 'critical',
      for: '1m',
      expr: COMPONENTS.map((component) => `absent(${of('tdc_build_info', `component="${component}"`)})`).join(
        '\nor ',
      ),
      summary: 'There is no {{ $labels.component }}.',
      description:
        'Prometheus knows of no {{ $labels.component }} process at all: none is running, or none is scraped.',
    },
  ];
}

/** How the processes and what they stand on are. */
export const processAlerts = (settings: RuleSettings): readonly AlertText[] => [
  ...intakeAlerts(settings),
  ...policyAlerts(settings),
  ...redisAlerts(settings),
  ...targetAlerts(settings),
];
