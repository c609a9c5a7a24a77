import { invariant } from '@tdc/core';
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import {
  createSeriesTable,
  type HistogramSeries,
  histogramSamples,
  type Labels,
  type NumberSeries,
  observeIn,
  type Sample,
} from './series.ts';

/** A number that only grows. */
export interface CounterMetric {
  inc(labels?: Labels, by?: number): void;
  /** Sets the value to one that is kept elsewhere; it must never fall. */
  set(value: number, labels?: Labels): void;
  /** Forgets every label combination, and the value of a metric without labels: it is left out. */
  reset(): void;
}

export interface GaugeMetric {
  set(value: number, labels?: Labels): void;
  inc(by?: number): void;
  dec(by?: number): void;
  /** Forgets every label combination, and the value of a metric without labels: it is left out. */
  reset(): void;
}

export interface HistogramMetric {
  observe(value: number, labels?: Labels): void;
  /** Makes the series of these labels exist, at 0 unless they were observed already. */
  know(labels: Labels): void;
}

/** The label combinations of a metric that are known beforehand, so that each exists, at 0, from the first scrape. */
type KnownLabels = readonly Labels[];

interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly known?: KnownLabels;
}

/** All metrics of a process. The only file that knows the client library. */
export interface Metrics {
  counter(options: MetricOptions): CounterMetric;
  gauge(options: MetricOptions): GaugeMetric;
  histogram(options: MetricOptions & { readonly buckets: readonly number[] }): HistogramMetric;
  /** Called before each scrape is answered; failures are the callee's own to handle. */
  beforeScrape(collect: () => Promise<void>): void;
  /** The exposition in the Prometheus text format. */
  text(): Promise<string>;
}

/** Every combination of closed label sets: `combinations({intake: ['a'], reason: ['x', 'y']})`. */
export function combinations(sets: Readonly<Record<string, readonly string[]>>): Labels[] {
  return Object.entries(sets).reduce<Labels[]>(
    (all, [label, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [label]: value }))),
    [{}],
  );
}

const NO_LABELS: Labels = {};

/** A metric as the registry asks for it when it is scraped. */
interface ExposedMetric {
  readonly name: string;
  get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: 'counter' | 'gauge' | 'histogram';
    readonly values: readonly Sample[];
  }>;
}

/**
 * Registers a metric that is counted here, in plain numbers: the library's own make a text of the labels, look whether
 * each is allowed, and look up each bucket by the text of its edge, for every message.
 */
function expose(
  registry: Registry,
  type: 'counter' | 'gauge' | 'histogram',
  { name, help }: MetricOptions,
  samples: () => readonly Sample[],
): void {
  invariant(/^tdc_[a-z0-9_]+$/.test(name), `metric ${name} must begin with tdc_`);
  const metric: ExposedMetric = { name, get: async () => ({ name, help, type, values: samples() }) };
  // Of a metric the registry calls nothing but get.
  registry.registerMetric(metric as unknown as Metric);
}

const zero = (labels: Labels): NumberSeries => ({ labels, value: 0 });

function createCounter(registry: Registry, options: MetricOptions): CounterMetric {
  const series = createSeriesTable(options.labels ?? [], zero);
  expose(registry, 'counter', options, () => series.all());
  for (const labels of options.known ?? []) series.of(labels);
  const inc = (labels: Labels = NO_LABELS, by = 1): void => {
    invariant(by >= 0 && by < Number.POSITIVE_INFINITY, 'a counter never falls');
    series.of(labels).value += by;
  };
  return {
    inc,
    set(value, labels = NO_LABELS) {
      series.forget(labels);
      inc(labels, value);
    },
    reset: () => series.forgetAll(),
  };
}

function createGauge(registry: Registry, options: MetricOptions): GaugeMetric {
  const series = createSeriesTable(options.labels ?? [], zero);
  expose(registry, 'gauge', options, () => series.all());
  for (const labels of options.known ?? []) series.of(labels);
  const add = (by: number): void => {
    series.of(NO_LABELS).value += by;
  };
  return {
    set(value, labels = NO_LABELS) {
      series.of(labels).value = value;
    },
    inc: (by = 1) => add(by),
    dec: (by = 1) => add(-by),
    reset: () => series.forgetAll(),
  };
}

function createHistogram(
  registry: Registry,
  options: MetricOptions & { readonly buckets: readonly number[] },
): HistogramMetric {
  const { name, buckets } = options;
  const create = (labels: Labels): HistogramSeries => ({
    labels,
    counts: buckets.map(() => 0),
    sum: 0,
    count: 0,
  });
  const series = createSeriesTable(options.labels ?? [], create);
  expose(registry, 'histogram', options, () =>
    series.all().flatMap((one) => histogramSamples(name, buckets, one)),
  );
  for (const labels of options.known ?? []) series.of(labels);
  return {
    observe(value, labels = NO_LABELS) {
      invariant(Number.isFinite(value), 'what is observed is a number');
      observeIn(series.of(labels), buckets, value);
    },
    know: (labels) => void series.of(labels),
  };
}

export function createMetrics(process: { readonly component: string; readonly version: string }): Metrics {
  const registry = new Registry();
  const collectors: (() => Promise<void>)[] = [];
  collectDefaultMetrics({ register: registry });
  const metrics: Metrics = {
    counter: (options) => createCounter(registry, options),
    gauge: (options) => createGauge(registry, options),
    histogram: (options) => createHistogram(registry, options),
    beforeScrape: (collect) => void collectors.push(collect),
    async text() {
      await Promise.all(collectors.map((collect) => collect()));
      return registry.metrics();
    },
  };
  metrics
    .gauge({
      name: 'tdc_build_info',
      help: 'Version of the process; the value is 1.',
      labels: ['component', 'version'],
    })
    .set(1, { component: process.component, version: process.version });
  return metrics;
}
