import { ENDED_RATE } from './objective.ts';
import { type AlertText, once, select, sumBy } from './rule.ts';
import type { RuleSettings } from './settings.ts';

/** What becomes of copies. */
export function queueAlerts(settings: RuleSettings): readonly AlertText[] {
  const { thresholds: limit } = settings;
  const of = (metric: string, ...matchers: readonly string[]): string =>
    select(metric, settings, ...matchers);
  const waiting = once(of('tdc_queue_copies', 'state="waiting"'));
  const hard = (reasons: string): string => of('tdc_hard_bounced_recipients_total', `reason=~"${reasons}"`);
  const oldest = once(of('tdc_oldest_message_age_seconds'));
  return [
    {
      alert: 'TDCOldestMessageOld',
      severity: 'critical',
      for: '0s',
      expr: `${once(of('tdc_oldest_message_age_seconds'), 'intake')} > ${limit.oldestSeconds}`,
      summary: 'A journal copy to {{ $labels.intake }} is about to be lost.',
      description: `The oldest copy to {{ $labels.intake }} is {{ $value | humanizeDuration }} old; it is given up at 120 s.`,
    },
    {
      alert: 'TDCWorkersStuck',
      severity: 'critical',
      for: '0s',
      expr:
        `min by (cluster, namespace) (time() - ${of('tdc_delivery_progress_timestamp_seconds')}) > ${limit.stuckSeconds}\n` +
        `and ${waiting} > 0`,
      summary: 'Copies wait, and no delivery worker takes any.',
      description:
        'No worker has seen the queue move for {{ $value | humanizeDuration }}, although copies wait in it.',
    },
    {
      alert: 'TDCNoWorkers',
      severity: 'critical',
      for: '30s',
      expr: `${once(of('tdc_queue_demand'))} > 0\nunless on (cluster, namespace) ${of('tdc_delivery_slots')}`,
      summary: 'Copies wait, and there is no delivery worker.',
      description: '{{ $value }} copies are in the queue, and no delivery process is being scraped.',
    },
    {
      alert: 'TDCDeliverySaturated',
      severity: 'warning',
      for: '30s',
      expr:
        `100 * ${sumBy(of('tdc_delivery_slots_busy'))} / ${sumBy(of('tdc_delivery_slots'))} > ${limit.saturatedPercent}\n` +
        `and ${oldest} > ${limit.saturatedOldestSeconds}`,
      summary: 'Every delivery worker has its hands full, and copies grow old.',
      description: '{{ $value | humanize }} % of the slots of all workers are in use.',
    },
    {
      alert: 'TDCScaledToMax',
      severity: 'warning',
      for: '1m',
      expr:
        `max by (cluster, namespace) (kube_horizontalpodautoscaler_status_current_replicas{horizontalpodautoscaler=~"${settings.autoscalers}"}\n` +
        `  >= on (cluster, namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_spec_max_replicas)\n` +
        `and ${oldest} > ${limit.saturatedOldestSeconds}`,
      summary: 'The autoscaler has no more workers to add, and copies grow old.',
      description: 'Delivery stands at its {{ $value }} replicas at most.',
    },
    {
      alert: 'TDCHostDown',
      severity: 'critical',
      for: '30s',
      expr: `${once(of('tdc_host_up'), 'intake')} == 0`,
      summary: 'The message intake {{ $labels.intake }} cannot be reached.',
      description:
        'The last attempt to connect to {{ $labels.intake }} failed. Copies wait for it, and are lost 120 s after they came.',
    },
    {
      alert: 'TDCMessagesExpired',
      severity: 'warning',
      for: '0s',
      expr: `${once(`increase(${hard('expired')}[5m])`, 'intake')} > 0`,
      summary: 'Journal copies to {{ $labels.intake }} were given up at 120 s.',
      description: '{{ $value | humanize }} copies to {{ $labels.intake }} ran out of time within 5 minutes.',
    },
    {
      alert: 'TDCHardBounceConfig',
      severity: 'critical',
      for: '1m',
      expr:
        `100 * ${once(`rate(${hard('tls|dns|5xx')}[5m])`, 'intake', 'reason')}\n` +
        `/ on (cluster, namespace, intake) group_left () (${of(`${ENDED_RATE}5m`)} > 0) > ${limit.configBouncePercent}`,
      summary: 'The message intake {{ $labels.intake }} does not take copies: {{ $labels.reason }}.',
      description:
        '{{ $value | humanize }} % of the copies to {{ $labels.intake }} are lost for a reason that no retry mends: ' +
        '{{ $labels.reason }}. Look at its address and port, its name in DNS, and the authority of its certificate.',
    },
    {
      alert: 'TDCOriginalsLost',
      severity: 'critical',
      for: '0s',
      expr: `${once(`increase(${hard('spool')}[10m])`, 'intake')} > 0`,
      summary: 'The originals of journal copies are gone from Redis.',
      description:
        '{{ $value | humanize }} copies to {{ $labels.intake }} could not be made, because what was received is gone or changed.',
    },
    {
      alert: 'TDCAccountingDifference',
      severity: 'critical',
      for: '1m',
      expr: `${once(of('tdc_accounting_difference'))} != 0`,
      summary: 'The account of the queue does not balance.',
      description:
        'Messages seen, enqueued and ended differ by {{ $value }}: copies were lost or counted twice.',
    },
    {
      alert: 'TDCSweepFailing',
      severity: 'warning',
      for: '1m',
      expr:
        `${sumBy(`increase(${of('tdc_monitor_sweep_failures_total')}[2m])`)} > 0\n` +
        `unless on (cluster, namespace) ${once(of('tdc_redis_up'))} == 0`,
      summary: 'Copies are not ended at their deadline.',
      description:
        '{{ $value | humanize }} sweeps of the monitor failed within 2 minutes, although Redis answers.',
    },
  ];
}
