import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvariantError } from '@tdc/core';
import { combinations, createMetrics, type Metrics } from './metrics.ts';

const createOurs = (): Metrics => createMetrics({ component: 'policy', version: '1.2.3' });

/** The samples of a metric as the exposition writes them. */
async function samples(metrics: Metrics, name: string): Promise<string[]> {
  const text = await metrics.text();
  return text.split('\n').filter((line) => line.startsWith(name));
}

describe('metrics', () => {
  it('tell component and version, and what Node says of itself', async () => {
    const metrics = createOurs();
    assert.deepEqual(await samples(metrics, 'tdc_'), [
      'tdc_build_info{component="policy",version="1.2.3"} 1',
    ]);
    assert.notDeepEqual(await samples(metrics, 'nodejs_eventloop_lag_p99_seconds'), []);
  });

  it('of a closed label set exist from the first scrape, at 0', async () => {
    const metrics = createOurs();
    const known = combinations({ queue: ['q'], reason: ['a', 'b'] });
    const labels = ['queue', 'reason'];
    metrics.counter({ name: 'tdc_c_total', help: 'h', labels, known });
    metrics.gauge({ name: 'tdc_g', help: 'h', labels, known });
    metrics.histogram({ name: 'tdc_h', help: 'h', labels, known, buckets: [1] });
    assert.deepEqual(await samples(metrics, 'tdc_c_total'), [
      'tdc_c_total{queue="q",reason="a"} 0',
      'tdc_c_total{queue="q",reason="b"} 0',
    ]);
    assert.equal((await samples(metrics, 'tdc_g')).length, 2);
    assert.equal((await samples(metrics, 'tdc_h_count')).length, 2);
  });

  it('without labels count up, and show a total that is kept elsewhere', async () => {
    const metrics = createOurs();
    const counter = metrics.counter({ name: 'tdc_c_total', help: 'h' });
    counter.inc();
    counter.inc({}, 2);
    assert.deepEqual(await samples(metrics, 'tdc_c_total'), ['tdc_c_total 3']);
    counter.set(40);
    counter.set(41);
    assert.deepEqual(await samples(metrics, 'tdc_c_total'), ['tdc_c_total 41']);
  });

  it('of a histogram are known without being set back', async () => {
    const metrics = createOurs();
    const histogram = metrics.histogram({ name: 'tdc_h', help: 'h', labels: ['intake'], buckets: [1] });
    histogram.observe(0.5, { intake: 'a' });
    for (const intake of ['a', 'b']) histogram.know({ intake });
    assert.deepEqual(await samples(metrics, 'tdc_h_count'), [
      'tdc_h_count{intake="a"} 1',
      'tdc_h_count{intake="b"} 0',
    ]);
  });

  it('go up and down, and can be forgotten', async () => {
    const metrics = createOurs();
    const gauge = metrics.gauge({ name: 'tdc_g', help: 'h' });
    gauge.inc(3);
    gauge.dec();
    assert.deepEqual(await samples(metrics, 'tdc_g'), ['tdc_g 2']);
    gauge.reset();
    assert.deepEqual(await samples(metrics, 'tdc_g'), []);
    const labelled = metrics.gauge({ name: 'tdc_l', help: 'h', labels: ['intake'] });
    labelled.set(1, { intake: 'a' });
    labelled.reset();
    labelled.set(2, { intake: 'b' });
    assert.deepEqual(await samples(metrics, 'tdc_l'), ['tdc_l{intake="b"} 2']);
  });

  it('put a value on an edge into the bucket of that edge', async () => {
    const metrics = createOurs();
    metrics.histogram({ name: 'tdc_h_seconds', help: 'h', buckets: [82, 120] }).observe(120);
    assert.deepEqual(await samples(metrics, 'tdc_h_seconds_bucket'), [
      'tdc_h_seconds_bucket{le="82"} 0',
      'tdc_h_seconds_bucket{le="120"} 1',
      'tdc_h_seconds_bucket{le="+Inf"} 1',
    ]);
  });

  it('are written with all their lines, values of labels escaped', async () => {
    const metrics = createOurs();
    const labels = ['intake', 'outcome'];
    const histogram = metrics.histogram({ name: 'tdc_h', help: 'a \\ and\n', labels, buckets: [0.5, 2] });
    for (const value of [0.5, 2, 9]) histogram.observe(value, { intake: 'a"\\\n', outcome: 'x' });
    const text = await metrics.text();
    assert.deepEqual(text.slice(text.indexOf('# HELP tdc_h')).split('\n'), [
      '# HELP tdc_h a \\\\ and\\n',
      '# TYPE tdc_h histogram',
      String.raw`tdc_h_bucket{le="0.5",intake="a\"\\\n",outcome="x"} 1`,
      String.raw`tdc_h_bucket{le="2",intake="a\"\\\n",outcome="x"} 2`,
      String.raw`tdc_h_bucket{le="+Inf",intake="a\"\\\n",outcome="x"} 3`,
      String.raw`tdc_h_sum{intake="a\"\\\n",outcome="x"} 11.5`,
      String.raw`tdc_h_count{intake="a\"\\\n",outcome="x"} 3`,
      '',
    ]);
  });

  it('count each under its own labels, in whatever order they are asked for', async () => {
    const metrics = createOurs();
    const counter = metrics.counter({ name: 'tdc_c_total', help: 'h', labels: ['intake', 'outcome'] });
    for (const outcome of ['x', 'x', 'y', 'x']) counter.inc({ intake: 'a', outcome });
    counter.inc({ outcome: 'x', intake: 'b' }, 5);
    assert.deepEqual(await samples(metrics, 'tdc_c_total'), [
      'tdc_c_total{intake="a",outcome="x"} 3',
      'tdc_c_total{intake="a",outcome="y"} 1',
      'tdc_c_total{outcome="x",intake="b"} 5',
    ]);
  });

  it('begin anew once they are forgotten', async () => {
    const metrics = createOurs();
    const counter = metrics.counter({ name: 'tdc_c_total', help: 'h', labels: ['intake'] });
    counter.inc({ intake: 'a' }, 4);
    counter.reset();
    counter.inc({ intake: 'a' });
    assert.deepEqual(await samples(metrics, 'tdc_c_total'), ['tdc_c_total{intake="a"} 1']);
    counter.set(7, { intake: 'a' });
    counter.inc({ intake: 'a' });
    assert.deepEqual(await samples(metrics, 'tdc_c_total'), ['tdc_c_total{intake="a"} 8']);
  });

  it('are not miscounted without notice', () => {
    const metrics = createOurs();
    const counter = metrics.counter({ name: 'tdc_c_total', help: 'h', labels: ['intake'] });
    const histogram = metrics.histogram({ name: 'tdc_h', help: 'h', buckets: [1] });
    for (const by of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => counter.inc({ intake: 'a' }, by), InvariantError);
    assert.throws(() => counter.inc({ outtake: 'a' }), InvariantError);
    assert.throws(() => histogram.observe(Number.NaN), InvariantError);
    assert.throws(() => metrics.gauge({ name: 'tdc_h', help: 'h' }), /already been registered/);
  });

  it('are brought up to date before each scrape', async () => {
    const metrics = createOurs();
    const gauge = metrics.gauge({ name: 'tdc_g', help: 'h' });
    let scrapes = 0;
    metrics.beforeScrape(async () => {
      scrapes += 1;
      gauge.set(scrapes);
    });
    await metrics.text();
    assert.deepEqual(await samples(metrics, 'tdc_g'), ['tdc_g 2']);
  });

  it('of two processes in one test do not meet', () => {
    for (const metrics of [createOurs(), createOurs()]) metrics.counter({ name: 'tdc_c_total', help: 'h' });
  });

  for (const name of ['c_total', 'TDC_c', 'tdc_', 'tdc_a-b']) {
    it(`${name} is no name for one`, () => {
      assert.throws(() => createOurs().counter({ name, help: 'h' }), InvariantError);
    });
  }
});

describe('combinations', () => {
  it('of no label set is the one without labels', () => assert.deepEqual(combinations({}), [{}]));
  it('of an empty label set are none', () => assert.deepEqual(combinations({ a: [], b: ['x'] }), []));
});
