import { THRESHOLDS } from '../rules/settings.ts';
import type { BoardText, Section } from './board.ts';
import { heatmap, stat, timeseries } from './panel.ts';
import { byIntake, foreign, max, metric, once, quantile, rate, sum } from './query.ts';

const outcomes: Section = {
  title: 'Attempts',
  panels: [
    timeseries({
      title: 'Attempts by outcome',
      description:
        'Attempts per second of all workers. A failed one is retried once, or the copy is given up.',
      unit: 'cps',
      queries: [
        {
          expr: sum(rate(byIntake('tdc_delivery_attempts_total')), 'intake', 'outcome'),
          legend: '{{intake}} {{outcome}}',
        },
      ],
    }),
    timeseries({
      title: 'Soft bounces by reason',
      description: 'Attempts per second that failed and are retried. Events, not copies.',
      unit: 'cps',
      stacked: true,
      queries: [
        {
          expr: once(rate(byIntake('tdc_soft_bounced_events_total')), 'intake', 'reason'),
          legend: '{{intake}} {{reason}}',
        },
      ],
    }),
    timeseries({
      title: 'Copies ended',
      description:
        'Copies per second with an outcome, and copies handed back untried because no connection was to be had.',
      unit: 'cps',
      queries: [
        {
          expr: once(rate(byIntake('tdc_completed_recipients_total')), 'intake'),
          legend: '{{intake}} ended',
        },
        {
          expr: sum(rate(byIntake('tdc_delivery_handed_back_total')), 'intake'),
          legend: '{{intake}} handed back',
        },
      ],
    }),
    timeseries({
      title: 'Delayed records, unhandled jobs',
      description:
        'Outcomes per second that could not be recorded at once: Redis was away or slow. Jobs that a bug put back, or that were not understood and dropped.',
      unit: 'cps',
      queries: [
        { expr: sum(rate(metric('tdc_delivery_record_delays_total'))), legend: 'delayed' },
        { expr: sum(rate(metric('tdc_delivery_jobs_unhandled_total')), 'reason'), legend: 'job {{reason}}' },
      ],
    }),
  ],
};

const times: Section = {
  title: 'Time',
  panels: [
    heatmap({
      title: 'Latency, enqueued to delivered',
      description: 'Copies by the time from enqueueing to delivery. Nothing should be above 120 s.',
      unit: 's',
      queries: [
        { expr: sum(`increase(${byIntake('tdc_delivery_latency_seconds_bucket')}[$__rate_interval])`, 'le') },
      ],
    }),
    timeseries({
      title: 'Latency quantiles',
      description:
        'From enqueueing to delivery. Past 60 s copies live on their retry; at 120 s they are lost.',
      unit: 's',
      limits: { steps: [[THRESHOLDS.oldestSeconds.default, 'red']] },
      queries: [0.5, 0.95, 0.99].map((share) => ({
        expr: quantile(share, byIntake('tdc_delivery_latency_seconds_bucket')),
        legend: `p${share * 100}`,
      })),
    }),
    timeseries({
      title: 'Duration of an attempt, p95',
      description: 'From taking up a copy to the end of the attempt, waiting for a connection included.',
      unit: 's',
      queries: [
        {
          expr: quantile(0.95, byIntake('tdc_delivery_attempt_duration_seconds_bucket'), 'intake', 'outcome'),
          legend: '{{intake}} {{outcome}}',
        },
      ],
    }),
    timeseries({
      title: 'Connection set-up, p95',
      description: 'From the first packet to the end of TLS and EHLO.',
      unit: 's',
      queries: [
        {
          expr: quantile(0.95, byIntake('tdc_delivery_connection_setup_seconds_bucket'), 'intake'),
          legend: '{{intake}}',
        },
      ],
    }),
  ],
};

const connections: Section = {
  title: 'Connections',
  panels: [
    timeseries({
      title: 'Connections out',
      description:
        'Open outbound connections of all workers, as tophosts counts them. The limit of an intake is shared by all.',
      unit: 'short',
      queries: [
        { expr: once(byIntake('tdc_connections_out'), 'intake'), legend: '{{intake}}' },
        { expr: sum(metric('tdc_delivery_connections_open')), legend: 'open or being opened' },
      ],
    }),
    timeseries({
      title: 'Opened and closed',
      description:
        'Connections per second that were secured, and that ended: idle, used up, changed, draining, or lost (not by us).',
      unit: 'cps',
      queries: [
        {
          expr: sum(rate(byIntake('tdc_delivery_connections_opened_total')), 'intake'),
          legend: '{{intake}} opened',
        },
        {
          expr: sum(rate(byIntake('tdc_delivery_connections_closed_total')), 'intake', 'reason'),
          legend: '{{intake}} {{reason}}',
        },
      ],
    }),
    timeseries({
      title: 'Failed connections',
      description: 'Connections per second that did not come about, by what failed.',
      unit: 'cps',
      stacked: true,
      queries: [
        {
          expr: sum(rate(byIntake('tdc_delivery_connection_failures_total')), 'intake', 'kind'),
          legend: '{{intake}} {{kind}}',
        },
      ],
    }),
    timeseries({
      title: 'TLS failures',
      description:
        'Connections per second that could not be secured. A copy that meets one is lost: TLS errors are never retried.',
      unit: 'cps',
      stacked: true,
      queries: [
        {
          expr: sum(rate(byIntake('tdc_delivery_tls_failures_total')), 'intake', 'reason'),
          legend: '{{intake}} {{reason}}',
        },
      ],
    }),
    timeseries({
      title: 'Hosts up',
      description: '1 unless the last attempt to connect failed.',
      unit: 'short',
      span: 24,
      queries: [{ expr: once(byIntake('tdc_host_up'), 'intake'), legend: '{{intake}}' }],
    }),
  ],
};

const hpa = (name: string): string =>
  foreign(`kube_horizontalpodautoscaler_${name}`, 'horizontalpodautoscaler=~".*delivery.*"');

const workers: Section = {
  title: 'Workers',
  panels: [
    stat({
      title: 'Workers',
      description: 'Delivery processes that are scraped.',
      unit: 'short',
      limits: { base: 'red', steps: [[1, 'green']] },
      queries: [{ expr: `count(${metric('tdc_delivery_slots')})` }],
    }),
    stat({
      title: 'Slots in use',
      description: 'Copies in hand, of as many as all workers may have.',
      unit: 'percentunit',
      limits: { steps: [[THRESHOLDS.saturatedPercent.default / 100, 'red']] },
      queries: [{ expr: `${sum(metric('tdc_delivery_slots_busy'))} / ${sum(metric('tdc_delivery_slots'))}` }],
    }),
    stat({
      title: 'Longest without progress',
      description: 'Since a worker last saw the queue move; idle workers count as moving.',
      unit: 's',
      limits: { steps: [[THRESHOLDS.stuckSeconds.default, 'red']] },
      queries: [{ expr: max(`time() - ${metric('tdc_delivery_progress_timestamp_seconds')}`) }],
    }),
    timeseries({
      title: 'Slots',
      description: 'Copies in hand, those of them that wait for a connection, and how many there may be.',
      unit: 'short',
      queries: [
        { expr: sum(metric('tdc_delivery_slots_busy')), legend: 'in hand' },
        { expr: sum(metric('tdc_delivery_waiting_copies')), legend: 'waiting for a connection' },
        { expr: sum(metric('tdc_delivery_slots')), legend: 'slots' },
      ],
    }),
    timeseries({
      title: 'Scaling',
      description:
        'The scaling signal against the workers that there are, and may be. Replicas need kube-state-metrics.',
      unit: 'short',
      span: 24,
      queries: [
        { expr: once(metric('tdc_queue_demand')), legend: 'demand' },
        { expr: `count(${metric('tdc_delivery_slots')})`, legend: 'workers' },
        { expr: sum(hpa('status_desired_replicas')), legend: 'wanted' },
        { expr: sum(hpa('spec_max_replicas')), legend: 'at most' },
      ],
    }),
  ],
};

export const DELIVERY: BoardText = {
  uid: 'tdc-delivery',
  title: 'tdc / Delivery',
  description: 'Attempts, their time, connections to the message intakes, and the workers that make them.',
  sections: [outcomes, times, connections, workers],
};
