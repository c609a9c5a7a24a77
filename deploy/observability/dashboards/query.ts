/** Labels that every panel may be narrowed by; those that a target may lack match whatever is there. */
const SCOPE = 'cluster=~"$cluster",namespace=~"$namespace"';
const TARGET = `${SCOPE},job=~"$job",instance=~"$instance"`;
const INTAKE = 'intake=~"$intake"';

const join = (...matchers: readonly string[]): string => matchers.filter((one) => one !== '').join(',');

/** A metric of a process. */
export const metric = (name: string, ...matchers: readonly string[]): string =>
  `${name}{${join(...matchers, TARGET)}}`;

/** A metric that tells intakes apart. */
export const byIntake = (name: string, ...matchers: readonly string[]): string =>
  metric(name, ...matchers, INTAKE);

/** A recorded series, which knows no process. */
export const recorded = (name: string): string => `${name}{${join(INTAKE, SCOPE)}}`;

/** A series of Kubernetes or of Prometheus itself. */
export const foreign = (name: string, ...matchers: readonly string[]): string =>
  `${name}{${join(...matchers, SCOPE)}}`;

/** How often per second a counter moved, as wide as the panel's resolution needs it. */
export const rate = (selector: string): string => `rate(${selector}[$__rate_interval])`;

export const sum = (expr: string, ...by: readonly string[]): string =>
  by.length === 0 ? `sum(${expr})` : `sum by (${by.join(', ')}) (${expr})`;

/** For what the monitor exports: several monitors tell the same, so one of them counts, for each installation. */
export const once = (expr: string, ...by: readonly string[]): string =>
  sum(`max by (${['cluster', 'namespace', ...by].join(', ')}) (${expr})`, ...by);

export const max = (expr: string, ...by: readonly string[]): string =>
  by.length === 0 ? `max(${expr})` : `max by (${by.join(', ')}) (${expr})`;

/** A quantile of a histogram of processes. */
export const quantile = (share: number, histogram: string, ...by: readonly string[]): string =>
  `histogram_quantile(${share}, ${sum(rate(histogram), 'le', ...by)})`;
