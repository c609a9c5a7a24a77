import { invariant } from '@tdc/core';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

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

/** One text for each combination of values; no value of a label holds a NUL. */
function seriesKey(names: readonly string[] | undefined, labels: Labels): string {
  let key = '';
  for (const name of names ?? []) key += `${labels[name]}\0`;
  return key;
}

/** The library's own reset leaves a metric without labels at 0. */
function forget(metric: { reset(): void; remove(labels: Labels): void }): void {
  metric.reset();
  metric.remove({});
}

export function createMetrics(process: { readonly component: string; readonly version: string }): Metrics {
  const registry = new Registry();
  const collectors: (() => Promise<void>)[] = [];
  collectDefaultMetrics({ register: registry });
  const base = ({ name, help, labels }: MetricOptions) => {
    invariant(/^tdc_[a-z0-9_]+$/.test(name), `metric ${name} must begin with tdc_`);
    return { name, help, labelNames: [...(labels ?? [])], registers: [registry] };
  };
  const metrics: Metrics = {
    counter(options) {
      const counter = new Counter(base(options));
      for (const labels of options.known ?? []) counter.inc(labels, 0);
      return {
        inc: (labels = {}, by = 1) => counter.inc(labels, by),
        set(value, labels = {}) {
          counter.remove(labels);
          counter.inc(labels, value);
        },
        reset: () => forget(counter),
      };
    },
    gauge(options) {
      const gauge = new Gauge(base(options));
      for (const labels of options.known ?? []) gauge.set(labels, 0);
      return {
        set: (value, labels = {}) => gauge.set(labels, value),
        inc: (by = 1) => gauge.inc(by),
        dec: (by = 1) => gauge.dec(by),
        reset: () => forget(gauge),
      };
    },
    histogram(options) {
      const histogram = new Histogram({ ...base(options), buckets: [...options.buckets] });
      const known = new Set<string>();
      // The library's zero() sets back what was observed.
      const know = (labels: Labels): void => {
        const key = seriesKey(options.labels, labels);
        if (known.has(key)) return;
        histogram.zero(labels);
        known.add(key);
      };
      for (const labels of options.known ?? []) know(labels);
      return {
        observe(value, labels = {}) {
          know(labels);
          histogram.observe(labels, value);
        },
        know,
      };
    },
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
