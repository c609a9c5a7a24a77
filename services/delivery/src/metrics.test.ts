import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeliveryFailure } from '@tdc/core';
import { createMetrics } from '@tdc/platform';
import { parsePrometheusText, sampleOf } from '../../../test/support/prometheus-text.ts';
import { sampleCopy } from '../../../test/support/sample-copy.ts';
import { createDeliveryMetrics } from './metrics.ts';

const bench = () => {
  const metrics = createMetrics({ component: 'delivery', version: '1' });
  const meters = createDeliveryMetrics(metrics, { maxJobs: 500 });
  const value = async (name: string, labels: Readonly<Record<string, string>> = {}) =>
    sampleOf(parsePrometheusText(await metrics.text()), `tdc_delivery_${name}`, labels);
  return { meters, value, text: () => metrics.text() };
};
const COPY = sampleCopy(1);
const intake = COPY.route.intake;

describe("delivery's metrics", () => {
  it('exist at 0 for every intake of the policy, before anything happens', async () => {
    const { meters, value } = bench();
    meters.knowIntakes([intake, 'other']);
    for (const alias of [intake, 'other']) {
      for (const [name, labels] of [
        ['attempts_total', { outcome: 'failed' }],
        ['handed_back_total', {}],
        ['connections_opened_total', {}],
        ['connections_closed_total', { reason: 'lost' }],
        ['connection_failures_total', { kind: 'dns' }],
        ['tls_failures_total', { reason: 'not-offered' }],
        ['attempt_duration_seconds_count', { outcome: 'delivered' }],
        ['latency_seconds_bucket', { le: '120' }],
        ['connection_setup_seconds_count', {}],
      ] as const) {
        assert.equal(await value(name, { intake: alias, ...labels }), 0, name);
      }
    }
    for (const name of ['waiting_copies', 'connections_open', 'record_delays_total'])
      assert.equal(await value(name), 0);
  });

  it('are not set back by another revision', async () => {
    const { meters, value } = bench();
    meters.copies.attempted(COPY, 'delivered', 1);
    meters.copies.delivered(COPY, 1);
    meters.knowIntakes([intake]);
    assert.equal(await value('attempts_total', { intake, outcome: 'delivered' }), 1);
    assert.equal(await value('latency_seconds_count', { intake }), 1);
  });

  it('have an edge at exactly the end of a life, and none twice', async () => {
    const { meters, value, text } = bench();
    meters.copies.delivered(COPY, 120);
    meters.copies.delivered(COPY, 120.5);
    assert.equal(await value('latency_seconds_bucket', { intake, le: '120' }), 1);
    assert.equal(await value('latency_seconds_count', { intake }), 2);
    const series = (await text()).split('\n').filter((line) => line.includes('_bucket{'));
    const keys = series.map((line) => line.slice(0, line.lastIndexOf(' ')));
    assert.equal(new Set(keys).size, keys.length);
  });

  it('count failed connections by what failed, those of TLS by why', async () => {
    const { meters, value } = bench();
    const failures: readonly (readonly [DeliveryFailure, string])[] = [
      [{ kind: 'network', reason: 'timeout', detail: '' }, 'network'],
      [{ kind: 'dns', domain: 'x', record: 'MX', code: 'NXDomain' }, 'dns'],
      [{ kind: 'tls', reason: 'certificate', detail: '' }, 'tls'],
      [{ kind: 'smtp-reply', stage: 'banner', reply: { code: 554, text: '' } }, 'refused'],
    ];
    for (const [failure] of failures) meters.connections.failed(intake, failure);
    for (const [, kind] of failures)
      assert.equal(await value('connection_failures_total', { intake, kind }), 1, kind);
    assert.equal(await value('tls_failures_total', { intake, reason: 'certificate' }), 1);
    assert.equal(await value('tls_failures_total', { intake }), 1);
  });

  it('count jobs that could not be handled by why, and both at 0 before there is one', async () => {
    const { meters, value } = bench();
    const counted = async () => [
      await value('jobs_unhandled_total', { reason: 'failed' }),
      await value('jobs_unhandled_total', { reason: 'not-understood' }),
    ];
    assert.deepEqual(await counted(), [0, 0]);
    meters.unhandled('not-understood');
    assert.deepEqual(await counted(), [0, 1]);
    meters.unhandled('failed');
    assert.deepEqual(await counted(), [1, 1]);
  });

  it('show the process as it is when somebody looks', async () => {
    const { meters, value } = bench();
    meters.show({
      openConnections: () => 4,
      waitingCopies: () => 5,
      copiesInHand: () => 9,
      lastProgressAt: () => 6_500,
    });
    assert.deepEqual(
      [
        await value('connections_open'),
        await value('waiting_copies'),
        await value('slots_busy'),
        await value('slots'),
        await value('progress_timestamp_seconds'),
      ],
      [4, 5, 9, 500, 6.5],
    );
  });
});
