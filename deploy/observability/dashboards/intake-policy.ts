import { DEFERRALS } from '../rules/process-alerts.ts';
import { withComponent } from '../rules/rule.ts';
import { THRESHOLDS } from '../rules/settings.ts';
import type { BoardText, Section } from './board.ts';
import { heatmap, stat, table, timeseries } from './panel.ts';
import { max, metric, once, quantile, rate, sum } from './query.ts';

const DAY_SECONDS = 86_400;
const deferred = sum(rate(metric('tdc_intake_messages_refused_total', `reason=~"${DEFERRALS}"`)));
const accepted = sum(rate(metric('tdc_intake_messages_accepted_total')));

const ends = withComponent(
  metric('tdc_tls_certificate_not_after_timestamp_seconds'),
  metric('tdc_build_info'),
);

const messages: Section = {
  title: 'Messages',
  panels: [
    timeseries({
      title: 'Accepted',
      description: 'Messages per second that were answered 250, by whether a copy was due.',
      unit: 'cps',
      stacked: true,
      queries: [
        { expr: sum(rate(metric('tdc_intake_messages_accepted_total')), 'copy'), legend: '{{copy}}' },
      ],
    }),
    timeseries({
      title: 'Left with the gateway',
      description: 'Share of messages answered 451 or 452: the gateway keeps them and comes again.',
      unit: 'percentunit',
      limits: { steps: [[THRESHOLDS.deferringPercent.default / 100, 'red']] },
      queries: [{ expr: `${deferred} / (${deferred} + ${accepted} > 0)`, legend: 'deferred' }],
    }),
    timeseries({
      title: 'Refused by reason',
      description: 'Messages per second that were not taken.',
      unit: 'cps',
      stacked: true,
      queries: [
        { expr: sum(rate(metric('tdc_intake_messages_refused_total')), 'reason'), legend: '{{reason}}' },
      ],
    }),
    timeseries({
      title: 'Seen and skipped',
      description: 'Messages per second that were decided about, and why no copy was due of some.',
      unit: 'cps',
      queries: [
        { expr: once(rate(metric('tdc_messages_seen_total'))), legend: 'seen' },
        { expr: once(rate(metric('tdc_messages_skipped_total')), 'reason'), legend: '{{reason}}' },
      ],
    }),
    timeseries({
      title: 'Time to accept',
      description: 'From the first octet of a message to its reply.',
      unit: 's',
      queries: [0.5, 0.99].map((share) => ({
        expr: quantile(share, metric('tdc_intake_accept_duration_seconds_bucket')),
        legend: `p${share * 100}`,
      })),
    }),
    heatmap({
      title: 'Size of messages',
      description: 'Accepted messages by their octets.',
      unit: 'bytes',
      queries: [
        { expr: sum(`increase(${metric('tdc_intake_message_size_bytes_bucket')}[$__rate_interval])`, 'le') },
      ],
    }),
    timeseries({
      title: 'Long messages on their way in',
      description: 'Octets of messages that have room on their way in, by process.',
      unit: 'bytes',
      queries: [{ expr: sum(metric('tdc_intake_bytes_in_flight'), 'instance'), legend: '{{instance}}' }],
    }),
    timeseries({
      title: 'Long messages that wait',
      description: 'Messages that wait for room in the midst of coming in, by process.',
      unit: 'short',
      queries: [{ expr: sum(metric('tdc_intake_messages_waiting'), 'instance'), legend: '{{instance}}' }],
    }),
    timeseries({
      title: 'Not as they should be',
      description:
        'Per second: messages with CR or LF outside CRLF by what was done, and verdict headers that were not believed.',
      unit: 'cps',
      queries: [
        {
          expr: sum(rate(metric('tdc_intake_bare_newline_messages_total')), 'handling'),
          legend: 'bare newlines: {{handling}}',
        },
        { expr: sum(rate(metric('tdc_intake_verdict_headers_ignored_total'))), legend: 'verdicts ignored' },
      ],
    }),
  ],
};

const connections: Section = {
  title: 'Connections in',
  panels: [
    timeseries({
      title: 'Open connections',
      description: 'Inbound connections of each process.',
      unit: 'short',
      queries: [{ expr: sum(metric('tdc_intake_connections_open'), 'instance'), legend: '{{instance}}' }],
    }),
    timeseries({
      title: 'Connections',
      description:
        'Inbound connections per second by protocol, how many of them were encrypted, refused or failed.',
      unit: 'cps',
      queries: [
        { expr: sum(rate(metric('tdc_intake_connections_total')), 'protocol'), legend: '{{protocol}}' },
        { expr: sum(rate(metric('tdc_intake_tls_connections_total'))), legend: 'encrypted' },
        { expr: sum(rate(metric('tdc_intake_connections_refused_total'))), legend: 'refused' },
        { expr: sum(rate(metric('tdc_intake_connection_errors_total'))), legend: 'failed' },
      ],
    }),
    timeseries({
      title: 'PROXY headers',
      description: 'Connections per second to the listener behind a proxy, by what became of their header.',
      unit: 'cps',
      span: 24,
      queries: [
        { expr: sum(rate(metric('tdc_intake_proxy_headers_total')), 'result'), legend: '{{result}}' },
      ],
    }),
  ],
};

const policy: Section = {
  title: 'Policy',
  panels: [
    stat({
      title: 'Newest document valid',
      description: '0: what was edited last was refused, and the last good document is served.',
      unit: 'short',
      limits: { base: 'red', steps: [[1, 'green']] },
      queries: [{ expr: `min(${metric('tdc_policy_document_valid')})` }],
    }),
    stat({
      title: 'Revision skew',
      description: 'Between the oldest and the newest revision in force.',
      unit: 'short',
      limits: { steps: [[1, 'red']] },
      queries: [{ expr: `max(${metric('tdc_policy_revision')}) - min(${metric('tdc_policy_revision')})` }],
    }),
    stat({
      title: 'Longest silence',
      description: 'Since a process last heard from the policy service.',
      unit: 's',
      limits: { steps: [[THRESHOLDS.policyStaleSeconds.default, 'red']] },
      queries: [{ expr: max(metric('tdc_policy_stale_seconds')) }],
    }),
    stat({
      title: 'Last change',
      description: 'Since the document in force was read.',
      unit: 's',
      queries: [{ expr: `time() - ${max(metric('tdc_policy_last_load_timestamp_seconds'))}` }],
    }),
    stat({
      title: 'Watchers',
      description: 'Processes that follow the policy: every intake, delivery and monitor.',
      unit: 'short',
      queries: [{ expr: sum(metric('tdc_policy_watchers')) }],
    }),
    stat({
      title: 'Certificates, days left',
      description: 'Of what is served or presented. Renewed files are picked up without a restart.',
      unit: 'short',
      limits: {
        base: 'red',
        steps: [
          [THRESHOLDS.certificateCriticalDays.default, 'orange'],
          [THRESHOLDS.certificateWarningDays.default, 'green'],
        ],
      },
      queries: [
        {
          expr: `(min by (component, use) (${ends}) - time()) / ${DAY_SECONDS}`,
          legend: '{{component}} {{use}}',
        },
      ],
    }),
    timeseries({
      title: 'Documents read',
      description: 'Changed documents per second, valid or refused.',
      unit: 'cps',
      queries: [{ expr: sum(rate(metric('tdc_policy_loads_total')), 'result'), legend: '{{result}}' }],
    }),
    table({
      title: 'Revision in force',
      description: 'By process.',
      unit: 'short',
      span: 12,
      keys: { job: 'Job', instance: 'Instance' },
      columns: [
        { heading: 'Revision', expr: max(metric('tdc_policy_revision'), 'job', 'instance') },
        { heading: 'Silence', expr: max(metric('tdc_policy_stale_seconds'), 'job', 'instance'), unit: 's' },
      ],
    }),
  ],
};

export const INTAKE_POLICY: BoardText = {
  uid: 'tdc-intake-policy',
  title: 'tdc / Intake and policy',
  description: 'What gateways hand over, what is decided about it, and by which revision of the policy.',
  sections: [messages, connections, policy],
};
