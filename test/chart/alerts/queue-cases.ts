import { type AlertCase, critical, delivered, hard, INTAKE, M, ofIntake, onGauge, warning } from './case.ts';

const oldest = `tdc_oldest_message_age_seconds{${INTAKE}}`;
const waiting = `tdc_queue_copies{${M},queue="the.tdc.queue",state="waiting"}`;
const demand = `tdc_queue_demand{${M},queue="the.tdc.queue"}`;
const progress = (pod: string): string => `tdc_delivery_progress_timestamp_seconds{${M},pod="${pod}"}`;

/** What becomes of copies. */
export const QUEUE: readonly AlertCase[] = [
  ...onGauge('TDCOldestMessageOld', {
    series: oldest,
    good: '75x20',
    bad: '91x20',
    at: '1m',
    firing: ofIntake,
  }),
  {
    alert: 'TDCWorkersStuck',
    when: 'no worker has moved for a minute, and copies wait',
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
