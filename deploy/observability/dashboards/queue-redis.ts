import { THRESHOLDS } from '../rules/settings.ts';
import type { BoardText, Section } from './board.ts';
import { stat, table, timeseries } from './panel.ts';
import { byIntake, max, metric, once, rate, sum } from './query.ts';

const queue: Section = {
  title: 'Queue',
  panels: [
    timeseries({
      title: 'Copies by state',
      description: 'Waiting, in hand of a worker, and delayed until their retry.',
      unit: 'short',
      stacked: true,
      queries: [{ expr: once(metric('tdc_queue_copies'), 'state'), legend: '{{state}}' }],
    }),
    timeseries({
      title: 'Active copies',
      description: 'Copies without an outcome, by intake and by whether they were attempted already.',
      unit: 'short',
      stacked: true,
      queries: [
        { expr: once(byIntake('tdc_active_recipients'), 'intake', 'state'), legend: '{{intake}} {{state}}' },
      ],
    }),
    timeseries({
      title: 'Demand',
      description: 'The scaling signal: copies that wait, are in hand, or are due within half a minute.',
      unit: 'short',
      queries: [{ expr: once(metric('tdc_queue_demand')), legend: 'demand' }],
    }),
    timeseries({
      title: 'Sweeps',
      description: 'Per second: copies ended at their deadline, jobs made anew, and sweeps that failed.',
      unit: 'cps',
      queries: [
        { expr: sum(rate(metric('tdc_monitor_expired_total'))), legend: 'expired' },
        { expr: sum(rate(metric('tdc_monitor_orphans_requeued_total'))), legend: 'made anew' },
        { expr: sum(rate(metric('tdc_monitor_sweep_failures_total'))), legend: 'failed sweeps' },
      ],
    }),
  ],
};

const redis: Section = {
  title: 'Redis',
  panels: [
    stat({
      title: 'Redis answers',
      description: '1 when it answered the monitor for the last scrape.',
      unit: 'short',
      limits: { base: 'red', steps: [[1, 'green']] },
      queries: [{ expr: max(metric('tdc_redis_up')) }],
    }),
    stat({
      title: 'Keys evicted',
      description: 'Within the time range of the dashboard; must be 0.',
      unit: 'short',
      limits: { steps: [[1, 'red']] },
      queries: [{ expr: max(`increase(${metric('tdc_redis_evicted_keys_total')}[$__range])`) }],
    }),
    stat({
      title: 'Role',
      description: '1: a primary was asked. 0: a replica, which takes no writes.',
      unit: 'short',
      limits: { base: 'red', steps: [[1, 'green']] },
      queries: [{ expr: `min(${metric('tdc_redis_primary')})` }],
    }),
    stat({
      title: 'Replicas',
      description: 'Connected to the primary.',
      unit: 'short',
      queries: [{ expr: max(metric('tdc_redis_connected_replicas')) }],
    }),
    stat({
      title: 'On disk',
      description: 'Append-only file kept, its last write, and the last snapshot: 1 is well.',
      unit: 'short',
      limits: { base: 'red', steps: [[1, 'green']] },
      queries: [
        { expr: `min(${metric('tdc_redis_aof_enabled')})`, legend: 'append-only' },
        { expr: `min(${metric('tdc_redis_aof_ok')})`, legend: 'written' },
        { expr: `min(${metric('tdc_redis_save_ok')})`, legend: 'snapshot' },
      ],
    }),
    stat({
      title: 'Last snapshot',
      description: 'How long ago.',
      unit: 's',
      queries: [{ expr: `time() - ${max(metric('tdc_redis_last_save_timestamp_seconds'))}` }],
    }),
    timeseries({
      title: 'Memory',
      description: 'In use, and the limit; a limit of 0 is none.',
      unit: 'bytes',
      queries: [
        { expr: max(metric('tdc_redis_memory_used_bytes')), legend: 'in use' },
        { expr: max(metric('tdc_redis_memory_limit_bytes')), legend: 'limit' },
      ],
    }),
    timeseries({
      title: 'Memory in use',
      description: 'Share of the limit. At TDC_REDIS_MAX_MEMORY_PERCENT (80) intake answers 452.',
      unit: 'percentunit',
      limits: { steps: [[THRESHOLDS.redisMemoryPercent.default / 100, 'red']] },
      queries: [
        {
          expr: `${max(metric('tdc_redis_memory_used_bytes'))} / (${max(metric('tdc_redis_memory_limit_bytes'))} > 0)`,
          legend: 'in use',
        },
      ],
    }),
    timeseries({
      title: 'Clients',
      description: 'Connections to Redis, of all processes and whoever else there is.',
      unit: 'short',
      span: 24,
      queries: [{ expr: max(metric('tdc_redis_connected_clients')), legend: 'connections' }],
    }),
  ],
};

const processes: Section = {
  title: 'Processes',
  panels: [
    timeseries({
      title: 'CPU',
      description: 'Cores in use, by process.',
      unit: 'short',
      span: 8,
      queries: [{ expr: rate(metric('process_cpu_seconds_total')), legend: '{{job}} {{instance}}' }],
    }),
    timeseries({
      title: 'Memory of processes',
      description: 'Resident memory.',
      unit: 'bytes',
      span: 8,
      queries: [{ expr: metric('process_resident_memory_bytes'), legend: '{{job}} {{instance}}' }],
    }),
    timeseries({
      title: 'Event loop lag, p99',
      description: 'How late a process comes to its work. Much of it is a lack of CPU.',
      unit: 's',
      span: 8,
      queries: [{ expr: metric('nodejs_eventloop_lag_p99_seconds'), legend: '{{job}} {{instance}}' }],
    }),
    table({
      title: 'Versions',
      description: 'How many processes of which version.',
      unit: 'short',
      keys: { component: 'Component', version: 'Version' },
      columns: [{ heading: 'Processes', expr: sum(metric('tdc_build_info'), 'component', 'version') }],
    }),
  ],
};

export const QUEUE_REDIS: BoardText = {
  uid: 'tdc-queue-redis',
  title: 'tdc / Queue and Redis',
  description: 'What waits in the queue, how the Redis that holds it is, and the processes themselves.',
  sections: [queue, redis, processes],
};
