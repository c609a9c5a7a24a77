import {
  type AlertingRule,
  alerting,
  once,
  type RecordingRule,
  type RuleGroup,
  select,
  sumBy,
} from './rule.ts';
import type { RuleSettings } from './settings.ts';

/** Windows of the burn rates, and the objective's own. */
const WINDOWS = ['30m', '1h', '2h', '6h', '1d', '3d', '30d'] as const;
type Window = '5m' | (typeof WINDOWS)[number];

/** Multi-window, multi-burn-rate: the longer window proves it, the shorter one says that it is still going on. */
interface Burn {
  readonly factor: number;
  readonly long: Window;
  readonly short: Window;
  readonly for: string;
  readonly severity: 'critical' | 'warning';
}
const BURNS: readonly Burn[] = [
  { factor: 14.4, long: '1h', short: '5m', for: '2m', severity: 'critical' },
  { factor: 6, long: '6h', short: '30m', for: '15m', severity: 'critical' },
  { factor: 3, long: '1d', short: '2h', for: '1h', severity: 'warning' },
  { factor: 1, long: '3d', short: '6h', for: '3h', severity: 'warning' },
];

/** Recorded under these names, per installation and intake. */
export const BAD_RATE = 'intake:tdc_copies_bad:rate';
export const ENDED_RATE = 'intake:tdc_copies_ended:rate';
export const BAD_RATIO = 'intake:tdc_copies_bad:ratio_rate';

/**
 * Copies that ended badly: given up, or delivered behind their 120 s. From the account, not from the workers: what a worker
 * counted since its last scrape is gone with it, and a delivery that is missing must not look like a loss.
 * Prometheus 3 writes the edge of the histogram as 120.0.
 */
function badCopies(settings: RuleSettings, over: 'rate' | 'increase', range: Window): string {
  const moved = (metric: string, ...matchers: readonly string[]): string =>
    `${over}(${select(metric, settings, ...matchers)}[${range}])`;
  const lost = sumBy(once(moved('tdc_hard_bounced_recipients_total'), 'intake', 'reason'), 'intake');
  const all = sumBy(moved('tdc_delivery_latency_seconds_count'), 'intake');
  const inTime = sumBy(moved('tdc_delivery_latency_seconds_bucket', 'le=~"120(\\\\.0)?"'), 'intake');
  return `${lost}\n+ (\n  clamp_min(${all} - ${inTime}, 0)\n  or 0 * ${lost}\n)`;
}

/** Copies with an outcome, those that an operator deleted left out. */
function endedRate(settings: RuleSettings): string {
  const delivered = once(`rate(${select('tdc_delivered_recipients_total', settings)}[5m])`, 'intake');
  const hard = `rate(${select('tdc_hard_bounced_recipients_total', settings)}[5m])`;
  return `${delivered}\n+ ${sumBy(once(hard, 'intake', 'reason'), 'intake')}`;
}

/** Long windows are averages of the short one: a monitor that was replaced in between is no gap in them. */
function recorded(settings: RuleSettings): readonly RecordingRule[] {
  const over = (name: string, window: Window): string =>
    `avg_over_time(${select(`${name}5m`, settings)}[${window}])`;
  const ratio = (bad: string, ended: string): string => `${bad}\n/ (${ended} > 0)`;
  return [
    { record: `${BAD_RATE}5m`, expr: badCopies(settings, 'rate', '5m') },
    { record: `${ENDED_RATE}5m`, expr: endedRate(settings) },
    {
      record: `${BAD_RATIO}5m`,
      expr: ratio(select(`${BAD_RATE}5m`, settings), select(`${ENDED_RATE}5m`, settings)),
    },
    ...WINDOWS.map((window) => ({
      record: `${BAD_RATIO}${window}`,
      expr: ratio(over(BAD_RATE, window), over(ENDED_RATE, window)),
    })),
  ];
}

function burning(settings: RuleSettings, burn: Burn): AlertingRule {
  const { sloPercent, burnMinimumCopies } = settings.thresholds;
  const budget = `${burn.factor} * (1 - ${sloPercent} / 100)`;
  const above = (window: Window): string => `${select(BAD_RATIO + window, settings)} > ${budget}`;
  return alerting(settings, {
    alert: 'TDCJournalBudgetBurn',
    severity: burn.severity,
    labels: { window: burn.long },
    for: burn.for,
    expr: `${above(burn.long)}\nand ${above(burn.short)}\nand ${badCopies(settings, 'increase', burn.long)} >= ${burnMinimumCopies}`,
    summary: 'Journal copies to {{ $labels.intake }} are being lost faster than the objective allows.',
    description:
      `{{ $value | humanizePercentage }} of the copies to {{ $labels.intake }} were lost or late over ${burn.long} and the last ` +
      `${burn.short}: the error budget of 30 days goes ${burn.factor} times as fast as it may (objective ${sloPercent} %).`,
  });
}

/** The objective "delivered within 120 s", and the alerts on the pace at which its budget goes. */
export const objective = (settings: RuleSettings): readonly RuleGroup[] => [
  { name: 'tdc-objective', rules: recorded(settings) },
  { name: 'tdc-budget', rules: BURNS.map((burn) => burning(settings, burn)) },
];
