import { invariant } from '@tdc/core';

export type Labels = Readonly<Record<string, string>>;

/** What stands under one combination of label values. */
export interface Series {
  readonly labels: Labels;
}

/** The series of one metric. */
export interface SeriesTable<T extends Series> {
  /** The series of these labels, made where it is not there yet. */
  of(labels: Labels): T;
  forget(labels: Labels): void;
  forgetAll(): void;
  /** In the order in which they came up. */
  all(): readonly T[];
}

/** One text for each combination of values; no value of a label holds a NUL. */
function keyOf(names: readonly string[], labels: Labels): string {
  let key = '';
  for (const name of names) key += `${labels[name]}\0`;
  return key;
}

/** A metric without labels has its one series from the beginning. */
export function createSeriesTable<T extends Series>(
  names: readonly string[],
  create: (labels: Labels) => T,
): SeriesTable<T> {
  const series = new Map<string, T>();
  // Asked for is mostly what was asked for before: the same outcome, the same intake.
  let last: T | undefined;
  const isOf = (labels: Labels, one: T): boolean => {
    for (const name of names) if (one.labels[name] !== labels[name]) return false;
    return true;
  };
  const make = (labels: Labels, key: string): T => {
    for (const label of Object.keys(labels)) invariant(names.includes(label), `${label} is no label of it`);
    const made = create(labels);
    series.set(key, made);
    return made;
  };
  if (names.length === 0) make({}, '');
  return {
    of(labels) {
      if (last !== undefined && isOf(labels, last)) return last;
      const key = keyOf(names, labels);
      last = series.get(key) ?? make(labels, key);
      return last;
    },
    forget(labels) {
      last = undefined;
      series.delete(keyOf(names, labels));
    },
    forgetAll() {
      last = undefined;
      series.clear();
    },
    all: () => [...series.values()],
  };
}

/** A number under its labels. */
export interface NumberSeries extends Series {
  value: number;
}

/** One line of the exposition. */
export interface Sample {
  /** Undefined: the metric's own. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Observations of one combination of label values, by the bucket into which each fell. */
export interface HistogramSeries extends Series {
  /** One for each edge; what lies above the last is in the count alone. */
  readonly counts: number[];
  sum: number;
  count: number;
}

/** Puts a value into the first bucket whose edge it does not exceed. */
export function observeIn(series: HistogramSeries, edges: readonly number[], value: number): void {
  let bucket = 0;
  while (bucket < edges.length && value > (edges[bucket] ?? 0)) bucket += 1;
  if (bucket < edges.length) series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
  series.sum += value;
  series.count += 1;
}

/** The lines of a histogram: its buckets, each with all below it, then sum and count. */
export function histogramSamples(name: string, edges: readonly number[], series: HistogramSeries): Sample[] {
  const { labels, counts, sum, count } = series;
  let below = 0;
  const buckets = edges.map((le, bucket): Sample => {
    below += counts[bucket] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: count },
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
