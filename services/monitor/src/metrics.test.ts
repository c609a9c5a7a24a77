import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  accountingDifference,
  HARD_BOUNCE_REASONS,
  NO_COUNTS,
  type QueueCounters,
  SKIP_REASONS,
  SOFT_BOUNCE_REASONS,
} from '@tdc/core';
import { createMetrics } from '@tdc/platform';
import { parsePrometheusText, type Samples, sampleOf } from '../../../test/support/prometheus-text.ts';
import { SAMPLE_REDIS_STATUS } from '../../../test/support/sample-redis-status.ts';
import { createEnqueuedMark, createMonitorMetrics, type QueueReading } from './metrics.ts';

const COUNTERS: QueueCounters = {
  seen: 20,
  skipped: { spam: 3, 'no-scan': 2 },
  intakes: {
    primary: {
      enqueued: 15,
      delivered: 5,
      softBounced: { '4xx': 2 },
      hardBounced: { '5xx': 3, expired: 1 },
      deleted: 1,
      unattempted: 3,
      attempted: 2,
    },
  },
};

const READING: QueueReading = {
  counters: COUNTERS,
  copies: { demand: 9, waiting: 4, active: 2, delayed: 8 },
  server: SAMPLE_REDIS_STATUS,
  aliases: ['primary', 'unused'],
  connections: { primary: 4, unused: 0 },
  up: { primary: false, unused: true },
  oldestAgeSeconds: { primary: 12.5, unused: 0 },
};

/** A monitor's metrics over readings that the test sets; an undefined one stands for a Redis that is away. */
function monitorMetrics(first: QueueReading | undefined) {
  let reading = first;
  const metrics = createMetrics({ component: 'monitor', version: '1' });
  const { sweeps } = createMonitorMetrics(metrics, async () => {
    if (reading === undefined) throw new Error('Redis is away');
    return reading;
  });
  return {
    sweeps,
    scrape: async (next = reading): Promise<Samples> => {
      reading = next;
      return parsePrometheusText(await metrics.text());
    },
    lose() {
      reading = undefined;
    },
  };
}

const withCounters = (change: Partial<QueueCounters>): QueueReading => ({
  ...READING,
  counters: { ...COUNTERS, ...change },
});

describe('the metrics of the queue', () => {
  const primary = { queue: 'the.tdc.queue', intake: 'primary' };
  const values: readonly [string, Readonly<Record<string, string>>, number][] = [
    ['tdc_active_recipients', { ...primary, state: 'unattempted' }, 3],
    ['tdc_active_recipients', { ...primary, state: 'attempted' }, 2],
    ['tdc_connections_out', primary, 4],
    ['tdc_enqueued_recipients_total', primary, 15],
    ['tdc_delivered_recipients_total', primary, 5],
    ['tdc_soft_bounced_events_total', { ...primary, reason: '4xx' }, 2],
    ['tdc_hard_bounced_recipients_total', { ...primary, reason: '5xx' }, 3],
    ['tdc_hard_bounced_recipients_total', { ...primary, reason: 'expired' }, 1],
    ['tdc_deleted_recipients_total', primary, 1],
    ['tdc_completed_recipients_total', primary, 10],
    ['tdc_messages_seen_total', { queue: 'the.tdc.queue' }, 20],
    ['tdc_messages_skipped_total', { queue: 'the.tdc.queue', reason: 'spam' }, 3],
    ['tdc_oldest_message_age_seconds', primary, 12.5],
    ['tdc_host_up', primary, 0],
    ['tdc_host_up', { ...primary, intake: 'unused' }, 1],
    ['tdc_accounting_difference', { queue: 'the.tdc.queue' }, 0],
    ['tdc_queue_demand', { queue: 'the.tdc.queue' }, 9],
    ['tdc_queue_copies', { queue: 'the.tdc.queue', state: 'waiting' }, 4],
    ['tdc_queue_copies', { queue: 'the.tdc.queue', state: 'active' }, 2],
    ['tdc_queue_copies', { queue: 'the.tdc.queue', state: 'delayed' }, 8],
    ['tdc_redis_up', {}, 1],
    ['tdc_redis_memory_used_bytes', {}, 1_048_576],
    ['tdc_redis_memory_limit_bytes', {}, 4_194_304],
    ['tdc_redis_evicted_keys_total', {}, 0],
    ['tdc_redis_connected_clients', {}, 12],
    ['tdc_redis_primary', {}, 1],
    ['tdc_redis_connected_replicas', {}, 1],
    ['tdc_redis_aof_enabled', {}, 1],
    ['tdc_redis_aof_ok', {}, 1],
    ['tdc_redis_last_save_timestamp_seconds', {}, 1_795_600_000],
    ['tdc_redis_save_ok', {}, 1],
  ];
  for (const [name, labels, expected] of values) {
    it(`${name}{${Object.values(labels).join(', ')}} is the account's own number`, async () => {
      assert.equal(sampleOf(await monitorMetrics(READING).scrape(), name, labels), expected);
    });
  }

  it('exist at 0 for every reason and intake before the first event', async () => {
    const samples = await monitorMetrics(READING).scrape();
    const intake = 'unused';
    for (const reason of SOFT_BOUNCE_REASONS)
      assert.equal(sampleOf(samples, 'tdc_soft_bounced_events_total', { intake, reason }), 0, reason);
    for (const reason of HARD_BOUNCE_REASONS)
      assert.equal(sampleOf(samples, 'tdc_hard_bounced_recipients_total', { intake, reason }), 0, reason);
    for (const name of ['enqueued', 'delivered', 'deleted', 'completed'])
      assert.equal(sampleOf(samples, `tdc_${name}_recipients_total`, { intake }), 0, name);
    for (const reason of SKIP_REASONS)
      assert.notEqual(sampleOf(samples, 'tdc_messages_skipped_total', { reason }), undefined, reason);
  });

  it('show how far the account is from balancing', async () => {
    const off = withCounters({ seen: 22 });
    assert.equal(accountingDifference(off.counters), 2);
    assert.equal(sampleOf(await monitorMetrics(off).scrape(), 'tdc_accounting_difference'), 2);
  });

  it('drop an intake that is gone from policy and account', async () => {
    const monitor = monitorMetrics(READING);
    await monitor.scrape();
    const samples = await monitor.scrape({ ...READING, aliases: ['primary'] });
    assert.equal(sampleOf(samples, 'tdc_host_up', { intake: 'unused' }), undefined);
  });
});

describe('a scrape without Redis', () => {
  it('answers with what the process knows of itself and no stale number', async () => {
    const monitor = monitorMetrics(READING);
    await monitor.scrape();
    monitor.sweeps.failed();
    monitor.lose();
    const samples = await monitor.scrape();
    const stale = [...samples.keys()].filter(
      (key) => key.includes('queue="') || (key.startsWith('tdc_redis_') && key !== 'tdc_redis_up'),
    );
    assert.deepEqual(stale, []);
    assert.equal(sampleOf(samples, 'tdc_redis_up'), 0);
    assert.equal(sampleOf(samples, 'tdc_monitor_sweep_failures_total'), 1);
    assert.equal(sampleOf(samples, 'tdc_build_info'), 1);
    assert.equal(sampleOf(await monitor.scrape(READING), 'tdc_delivered_recipients_total'), 5);
  });
});

describe('the counters of this process', () => {
  it('exist at 0 and count what the sweeps did', async () => {
    const monitor = monitorMetrics(READING);
    const names = ['expired_total', 'orphans_requeued_total', 'sweep_failures_total'];
    const read = (samples: Samples) => names.map((name) => sampleOf(samples, `tdc_monitor_${name}`));
    assert.deepEqual(read(await monitor.scrape()), [0, 0, 0]);
    monitor.sweeps.expired(2);
    monitor.sweeps.requeued(3);
    monitor.sweeps.failed();
    assert.deepEqual(read(await monitor.scrape()), [2, 3, 1]);
  });
});

describe('the counter of enqueued recipients', () => {
  const of = (seen: number, enqueued: number): QueueCounters => ({
    seen,
    skipped: {},
    intakes: { primary: { ...NO_COUNTS, enqueued } },
  });
  const cases: readonly [string, readonly QueueCounters[], number][] = [
    ['follows the account', [of(1, 1), of(5, 4)], 4],
    ['does not fall when a commit is withdrawn', [of(5, 5), of(5, 4)], 5],
    ['follows the account again from there', [of(5, 5), of(5, 4), of(8, 6)], 6],
    ['starts anew when Redis came back with an older account', [of(5, 5), of(2, 2)], 2],
  ];
  for (const [name, readings, expected] of cases) {
    it(name, () => {
      const mark = createEnqueuedMark();
      assert.equal(readings.map((counters) => mark(counters)('primary')).at(-1), expected);
    });
  }

  it('is 0 for an intake that was never used', () => {
    assert.equal(createEnqueuedMark()(of(1, 1))('unused'), 0);
  });
});
