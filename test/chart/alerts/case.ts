/** One situation of promtool's unit tests, a sample every 15 seconds unless `interval` says otherwise. */
export interface AlertCase {
  readonly alert: string;
  readonly when: string;
  /** Series to values, in promtool's notation. */
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  readonly interval?: string;
  /** Labels of each alert that fires, without its name; empty when none must. */
  readonly firing: readonly Readonly<Record<string, string>>[];
}

export const M = 'namespace="mail"';
export const INTAKE = `${M},queue="the.tdc.queue",intake="primary"`;
export const critical = { severity: 'critical', namespace: 'mail' };
export const warning = { severity: 'warning', namespace: 'mail' };
export const ofIntake = { ...critical, intake: 'primary' };

export const hard = (reason: string): string =>
  `tdc_hard_bounced_recipients_total{${INTAKE},reason="${reason}"}`;
export const delivered = `tdc_delivered_recipients_total{${INTAKE}}`;

/** Alerts on a gauge that is bad as long as it stands where it stands. */
export function onGauge(
  alert: string,
  parts: {
    readonly series: string;
    readonly good: string;
    readonly bad: string;
    readonly at: string;
    readonly firing: Readonly<Record<string, string>>;
    readonly with?: Readonly<Record<string, string>>;
  },
): readonly AlertCase[] {
  const { series, good, bad, at, firing, with: others = {} } = parts;
  return [
    { alert, when: `${series} is ${bad}`, series: { ...others, [series]: bad }, at, firing: [firing] },
    { alert, when: `${series} is ${good}`, series: { ...others, [series]: good }, at, firing: [] },
  ];
}
