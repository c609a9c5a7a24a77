import {
  accountingDifference,
  completedRecipients,
  HARD_BOUNCE_REASONS,
  type IntakeCounters,
  NO_COUNTS,
  type QueueCounters,
  SKIP_REASONS,
  SOFT_BOUNCE_REASONS,
  TDC_QUEUE,
} from '@tdc/core';
import type { Metrics, RedisServerStatus } from '@tdc/platform';
import type { SweepObserver } from './ports.ts';
import type { Demand } from './view/scaling.ts';

/** What the metrics of the queue are made from at one moment. */
export interface QueueReading {
  readonly counters: QueueCounters;
  readonly copies: Demand;
  readonly server: RedisServerStatus;
  readonly aliases: readonly string[];
  readonly connections: Readonly<Record<string, number>>;
  readonly up: Readonly<Record<string, boolean>>;
  readonly oldestAgeSeconds: Readonly<Record<string, number>>;
}

const QUEUE_LABELS = ['queue', 'intake'] as const;

function createQueueMetrics(metrics: Metrics) {
  const counter = (name: string, help: string, labels: readonly string[]) =>
    metrics.counter({ name, help, labels });
  const gauge = (name: string, help: string, labels: readonly string[]) =>
    metrics.gauge({ name, help, labels });
  return {
    active: gauge('tdc_active_recipients', 'Copies without an outcome.', [...QUEUE_LABELS, 'state']),
    connections: gauge('tdc_connections_out', 'Outbound connections of all workers.', QUEUE_LABELS),
    enqueued: counter('tdc_enqueued_recipients_total', 'Copies enqueued.', QUEUE_LABELS),
    delivered: counter('tdc_delivered_recipients_total', 'Copies delivered.', QUEUE_LABELS),
    soft: counter('tdc_soft_bounced_events_total', 'Attempts that failed and are retried.', [
      ...QUEUE_LABELS,
      'reason',
    ]),
    hard: counter('tdc_hard_bounced_recipients_total', 'Copies given up.', [...QUEUE_LABELS, 'reason']),
    deleted: counter('tdc_deleted_recipients_total', 'Copies deleted by an operator.', QUEUE_LABELS),
    completed: counter('tdc_completed_recipients_total', 'Copies with an outcome.', QUEUE_LABELS),
    seen: counter('tdc_messages_seen_total', 'Messages decided about; a splinter is one.', ['queue']),
    skipped: counter('tdc_messages_skipped_total', 'Messages of which no copy was due.', ['queue', 'reason']),
    oldest: gauge('tdc_oldest_message_age_seconds', 'Age of the oldest active copy.', QUEUE_LABELS),
    up: gauge('tdc_host_up', '1 unless the last attempt to connect failed.', QUEUE_LABELS),
    difference: gauge('tdc_accounting_difference', 'How far the account is from balancing; must be 0.', [
      'queue',
    ]),
    copies: gauge('tdc_queue_copies', 'Copies of all workers by state.', ['queue', 'state']),
    demand: gauge(
      'tdc_queue_demand',
      'The scaling signal: copies that wait, are in hand, or are delayed but due soon.',
      ['queue'],
    ),
    redisUp: metrics.gauge({
      name: 'tdc_redis_up',
      help: '1 when Redis answered for this scrape.',
      known: [{}],
    }),
  };
}

type QueueMetrics = ReturnType<typeof createQueueMetrics>;

/**
 * What was enqueued, as a counter that never falls. A commit that is withdrawn makes the account's own number fall by
 * one, which a Prometheus counter must not: its reader would take it for a restart and count everything again.
 */
export function createEnqueuedMark(): (counters: QueueCounters) => (intake: string) => number {
  const highest = new Map<string, number>();
  let seen = 0;
  return (counters) => {
    // Messages seen never fall, unless Redis came back with an older account: then everything is counted anew.
    if (counters.seen < seen) highest.clear();
    seen = counters.seen;
    return (intake) => {
      const mark = Math.max(counters.intakes[intake]?.enqueued ?? 0, highest.get(intake) ?? 0);
      highest.set(intake, mark);
      return mark;
    };
  };
}

function setIntake(meters: QueueMetrics, intake: string, counters: IntakeCounters): void {
  const labels = { queue: TDC_QUEUE, intake };
  meters.active.set(counters.unattempted, { ...labels, state: 'unattempted' });
  meters.active.set(counters.attempted, { ...labels, state: 'attempted' });
  meters.delivered.set(counters.delivered, labels);
  meters.deleted.set(counters.deleted, labels);
  meters.completed.set(completedRecipients(counters), labels);
  for (const reason of SOFT_BOUNCE_REASONS) {
    meters.soft.set(counters.softBounced[reason] ?? 0, { ...labels, reason });
  }
  for (const reason of HARD_BOUNCE_REASONS) {
    meters.hard.set(counters.hardBounced[reason] ?? 0, { ...labels, reason });
  }
}

function setReading(meters: QueueMetrics, reading: QueueReading, enqueued: (intake: string) => number): void {
  const { counters, aliases } = reading;
  for (const intake of aliases) {
    const labels = { queue: TDC_QUEUE, intake };
    setIntake(meters, intake, counters.intakes[intake] ?? NO_COUNTS);
    meters.enqueued.set(enqueued(intake), labels);
    meters.connections.set(reading.connections[intake] ?? 0, labels);
    meters.up.set(reading.up[intake] === false ? 0 : 1, labels);
    meters.oldest.set(reading.oldestAgeSeconds[intake] ?? 0, labels);
  }
  meters.seen.set(counters.seen, { queue: TDC_QUEUE });
  for (const reason of SKIP_REASONS)
    meters.skipped.set(counters.skipped[reason] ?? 0, { queue: TDC_QUEUE, reason });
  meters.difference.set(accountingDifference(counters), { queue: TDC_QUEUE });
  meters.demand.set(reading.copies.demand, { queue: TDC_QUEUE });
  for (const state of ['waiting', 'active', 'delayed'] as const)
    meters.copies.set(reading.copies[state], { queue: TDC_QUEUE, state });
}

function createRedisMetrics(metrics: Metrics) {
  const gauge = (name: string, help: string) => metrics.gauge({ name, help });
  return {
    used: gauge('tdc_redis_memory_used_bytes', 'Memory that Redis uses.'),
    limit: gauge('tdc_redis_memory_limit_bytes', 'Memory that Redis may use; 0 when there is no limit.'),
    evicted: metrics.counter({
      name: 'tdc_redis_evicted_keys_total',
      help: 'Keys that Redis threw away for lack of memory since it started; must be 0.',
    }),
    clients: gauge('tdc_redis_connected_clients', 'Connections to Redis.'),
    primary: gauge('tdc_redis_primary', '1 when the server that was asked is a primary, 0 for a replica.'),
    replicas: gauge('tdc_redis_connected_replicas', 'Replicas that are connected to the primary.'),
    appendOnly: gauge('tdc_redis_aof_enabled', '1 when Redis keeps an append-only file.'),
    appendOnlyOk: gauge('tdc_redis_aof_ok', '0 when the last write or rewrite of that file failed.'),
    lastSave: gauge('tdc_redis_last_save_timestamp_seconds', 'When Redis last saved a snapshot.'),
    lastSaveOk: gauge('tdc_redis_save_ok', '0 when the last snapshot could not be saved.'),
  };
}

type RedisMetrics = ReturnType<typeof createRedisMetrics>;

function setServer(meters: RedisMetrics, server: RedisServerStatus): void {
  meters.used.set(server.memoryUsedBytes);
  meters.limit.set(server.memoryLimitBytes);
  meters.evicted.set(server.evictedKeys);
  meters.clients.set(server.connectedClients);
  meters.primary.set(Number(server.isPrimary));
  meters.replicas.set(server.connectedReplicas);
  meters.appendOnly.set(Number(server.appendOnly));
  meters.appendOnlyOk.set(Number(server.appendOnlyOk));
  meters.lastSave.set(server.lastSaveAt);
  meters.lastSaveOk.set(Number(server.lastSaveOk));
}

/**
 * Every metric of the monitor. Those of the queue are read from the durable account for each scrape, so they survive
 * every process and are exported from one place; when Redis is away they are left out rather than stale.
 */
export function createMonitorMetrics(metrics: Metrics, read: () => Promise<QueueReading>) {
  const meters = createQueueMetrics(metrics);
  const redis = createRedisMetrics(metrics);
  const fromRedis = [...Object.values(meters), ...Object.values(redis)];
  const expired = metrics.counter({
    name: 'tdc_monitor_expired_total',
    help: 'Copies that this process ended at their deadline.',
    known: [{}],
  });
  const requeued = metrics.counter({
    name: 'tdc_monitor_orphans_requeued_total',
    help: 'Committed copies whose job was missing and was made anew.',
    known: [{}],
  });
  const failures = metrics.counter({
    name: 'tdc_monitor_sweep_failures_total',
    help: 'Sweeps that failed.',
    known: [{}],
  });
  const enqueuedMark = createEnqueuedMark();
  metrics.beforeScrape(async () => {
    for (const meter of fromRedis) meter.reset();
    try {
      const reading = await read();
      setReading(meters, reading, enqueuedMark(reading.counters));
      setServer(redis, reading.server);
      meters.redisUp.set(1);
    } catch {
      for (const meter of fromRedis) meter.reset();
      meters.redisUp.set(0);
    }
  });
  const sweeps: SweepObserver = {
    expired: (count) => expired.inc({}, count),
    requeued: (count) => requeued.inc({}, count),
    failed: () => failures.inc(),
  };
  return { sweeps };
}
