import { BAD_RATIO } from '../rules/objective.ts';
import { THRESHOLDS } from '../rules/settings.ts';
import type { BoardText, Section } from './board.ts';
import { stat, table, timeseries } from './panel.ts';
import { byIntake, foreign, max, metric, once, rate, recorded, sum } from './query.ts';

const SLO = THRESHOLDS.sloPercent.default / 100;
const BUDGET = `(1 - ${THRESHOLDS.sloPercent.default} / 100)`;
const OLDEST = { steps: [[THRESHOLDS.oldestSeconds.default, 'red']] } as const;

const objective: Section = {
  title: 'Objective',
  panels: [
    stat({
      title: 'Delivered in time, 30 days',
      description: `Copies delivered within 120 s, of all that ended; the objective is ${THRESHOLDS.sloPercent.default} %. Needs the recording rules.`,
      unit: 'percentunit',
      limits: { base: 'red', steps: [[SLO, 'green']] },
      queries: [{ expr: `1 - ${max(recorded(`${BAD_RATIO}30d`), 'intake')}`, legend: '{{intake}}' }],
    }),
    stat({
      title: 'Error budget left, 30 days',
      description:
        'Share of the losses that the objective allows and that have not been spent. 43 minutes in which an intake is down spend all of it.',
      unit: 'percentunit',
      limits: {
        base: 'red',
        steps: [
          [0, 'orange'],
          [0.5, 'green'],
        ],
      },
      queries: [
        { expr: `1 - ${max(recorded(`${BAD_RATIO}30d`), 'intake')} / ${BUDGET}`, legend: '{{intake}}' },
      ],
    }),
    stat({
      title: 'Oldest copy',
      description:
        'Age of the oldest copy without an outcome. At 120 s it is lost; one retry makes 60 s normal.',
      unit: 's',
      limits: OLDEST,
      queries: [{ expr: max(byIntake('tdc_oldest_message_age_seconds'), 'intake'), legend: '{{intake}}' }],
    }),
    stat({
      title: 'Active copies',
      description: 'Copies without an outcome: waiting, in an attempt, or between two.',
      unit: 'short',
      queries: [{ expr: sum(once(byIntake('tdc_active_recipients'), 'intake', 'state')) }],
    }),
    stat({
      title: 'Accounting difference',
      description:
        'Messages seen against what became of them. Anything but 0 is a copy lost or counted twice.',
      unit: 'short',
      limits: { steps: [[1, 'red']] },
      queries: [{ expr: max(metric('tdc_accounting_difference')) }],
    }),
    stat({
      title: 'Alerts firing',
      description: 'Of this product, of any severity. The table below names them.',
      unit: 'short',
      limits: { steps: [[1, 'red']] },
      queries: [
        { expr: `count(${foreign('ALERTS', 'alertname=~"TDC.+"', 'alertstate="firing"')}) or vector(0)` },
      ],
    }),
  ],
};

const counted = (name: string): string => once(`increase(${byIntake(name)}[$__range])`, 'intake');
const countedByReason = (name: string): string =>
  sum(once(`increase(${byIntake(name)}[$__range])`, 'intake', 'reason'), 'intake');

const topHosts: Section = {
  title: 'tophosts',
  panels: [
    table({
      title: 'Recipient hosts',
      description:
        'The columns of tophosts, by intake. Active and connections are of this moment, the others of the time range of the dashboard. Soft bounces count events, hard bounces recipients.',
      unit: 'short',
      keys: { intake: 'Recipient Host' },
      columns: [
        {
          heading: 'Active Recip.',
          expr: sum(once(byIntake('tdc_active_recipients'), 'intake', 'state'), 'intake'),
        },
        { heading: 'Conn. Out', expr: once(byIntake('tdc_connections_out'), 'intake') },
        { heading: 'Deliv. Recip.', expr: counted('tdc_delivered_recipients_total') },
        { heading: 'Soft Bounced', expr: countedByReason('tdc_soft_bounced_events_total') },
        { heading: 'Hard Bounced', expr: countedByReason('tdc_hard_bounced_recipients_total') },
        { heading: 'Up', expr: once(byIntake('tdc_host_up'), 'intake') },
      ],
    }),
  ],
};

const pace: Section = {
  title: 'Pace',
  panels: [
    timeseries({
      title: 'Burn rate',
      description:
        'How many times too fast the error budget goes: at 1 it lasts exactly 30 days. Above 14.4 somebody is woken within minutes, above 6 within a quarter of an hour.',
      unit: 'short',
      limits: {
        steps: [
          [1, 'orange'],
          [14.4, 'red'],
        ],
      },
      queries: ['5m', '1h', '6h'].map((window) => ({
        expr: `${max(recorded(BAD_RATIO + window), 'intake')} / ${BUDGET}`,
        legend: `{{intake}} ${window}`,
      })),
    }),
    timeseries({
      title: 'Copies by outcome',
      description: 'Copies per second that were enqueued, and what became of them.',
      unit: 'cps',
      queries: [
        { expr: sum(once(rate(byIntake('tdc_enqueued_recipients_total')), 'intake')), legend: 'enqueued' },
        { expr: sum(once(rate(byIntake('tdc_delivered_recipients_total')), 'intake')), legend: 'delivered' },
        {
          expr: sum(once(rate(byIntake('tdc_hard_bounced_recipients_total')), 'intake', 'reason')),
          legend: 'hard bounced',
        },
        { expr: sum(once(rate(byIntake('tdc_deleted_recipients_total')), 'intake')), legend: 'deleted' },
      ],
    }),
    timeseries({
      title: 'Oldest copy by intake',
      description: 'The age that the alert looks at.',
      unit: 's',
      limits: OLDEST,
      queries: [{ expr: max(byIntake('tdc_oldest_message_age_seconds'), 'intake'), legend: '{{intake}}' }],
    }),
    timeseries({
      title: 'Hard bounces by reason',
      description:
        'Copies per second that were given up. tls, dns and 5xx are settings; expired is a lack of workers or of time.',
      unit: 'cps',
      stacked: true,
      queries: [
        {
          expr: once(rate(byIntake('tdc_hard_bounced_recipients_total')), 'reason', 'intake'),
          legend: '{{intake}} {{reason}}',
        },
      ],
    }),
    table({
      title: 'Firing alerts',
      description: 'Each has a runbook of the same name.',
      unit: 'short',
      keys: { alertname: 'Alert', severity: 'Severity', intake: 'Intake', job: 'Job', instance: 'Instance' },
      columns: [
        {
          heading: 'Firing',
          expr: sum(
            foreign('ALERTS', 'alertname=~"TDC.+"', 'alertstate="firing"'),
            'alertname',
            'severity',
            'intake',
            'job',
            'instance',
          ),
        },
      ],
    }),
  ],
};

export const OVERVIEW: BoardText = {
  uid: 'tdc-overview',
  title: 'tdc / Overview',
  description: 'Are journal copies delivered within their 120 seconds, and if not, where are they lost?',
  sections: [objective, topHosts, pace],
};
