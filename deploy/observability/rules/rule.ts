import type { RuleSettings } from './settings.ts';

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  /** How long it must hold. Short: a copy lives 120 s. */
  readonly for: string;
  readonly labels: Readonly<Record<string, string>> & { readonly severity: 'critical' | 'warning' };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
  };
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly (RecordingRule | AlertingRule)[];
}

/** An alert without what follows from its name. */
export interface AlertText {
  readonly alert: string;
  readonly severity: 'critical' | 'warning';
  /** Beside the severity, to tell rules of one alert apart. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly for: string;
  readonly expr: string;
  readonly summary: string;
  readonly description: string;
}

/** One installation: the labels that tell it from others which the same Prometheus watches. */
export const INSTALLATION = 'cluster, namespace';

/**
 * A metric of the monitor, once: several monitors export the same durable totals, so the highest counts and never the sum.
 */
export const once = (expr: string, ...labels: readonly string[]): string =>
  `max by (${[INSTALLATION, ...labels].join(', ')}) (${expr})`;

export const sumBy = (expr: string, ...labels: readonly string[]): string =>
  `sum by (${[INSTALLATION, ...labels].join(', ')}) (${expr})`;

/** A metric of a process with the component that it is: jobs are named as somebody pleases, and may be one for all. */
export const withComponent = (metric: string, buildInfo: string): string =>
  `${metric} * on (${INSTALLATION}, job, instance) group_left (component) ${buildInfo}`;

/** A selector of one metric; our own matchers first, the installation's behind them. */
export function select(metric: string, settings: RuleSettings, ...matchers: readonly string[]): string {
  const inside = [...matchers, settings.selector].filter((one) => one !== '').join(',');
  return inside === '' ? metric : `${metric}{${inside}}`;
}

export const alerting = (settings: RuleSettings, text: AlertText): AlertingRule => ({
  alert: text.alert,
  expr: text.expr,
  for: text.for,
  labels: { ...text.labels, severity: text.severity },
  annotations: {
    summary: text.summary,
    description: text.description,
    runbook_url: `${settings.runbookBaseUrl}/${text.alert}.md`,
  },
});
