/** A limit of an alert that an operator may move. */
export interface Threshold {
  readonly default: number;
  /** What it is, for the comment in values.yaml. */
  readonly meaning: string;
}

/** Every threshold by its name in `metrics.prometheusRule.thresholds`; whole numbers, unit in the name. */
export const THRESHOLDS = {
  sloPercent: { default: 99.9, meaning: 'Copies that must be delivered within 120 s, over 30 days.' },
  burnMinimumCopies: {
    default: 3,
    meaning: 'Fewer lost copies than this within the longer window burn no budget worth waking anybody for.',
  },
  oldestSeconds: {
    default: 90,
    meaning: 'Age of the oldest copy. A retry makes 60 s normal, and at 120 s the copy is lost.',
  },
  stuckSeconds: { default: 45, meaning: 'Workers that take nothing while copies wait.' },
  saturatedPercent: { default: 90, meaning: 'Slots of all workers in use.' },
  saturatedOldestSeconds: {
    default: 30,
    meaning: 'Age of the oldest copy from which full slots are a concern.',
  },
  configBouncePercent: {
    default: 5,
    meaning: 'Copies refused for what only a change of settings can mend: TLS, DNS, 5xx.',
  },
  deferringPercent: { default: 1, meaning: 'Messages that intake leaves with the gateway (451, 452).' },
  policyStaleSeconds: { default: 60, meaning: 'Silence of the policy service.' },
  redisMemoryPercent: {
    default: 70,
    meaning: 'Memory of Redis in use. At 80 intake closes (TDC_REDIS_MAX_MEMORY_PERCENT).',
  },
  certificateWarningDays: { default: 7, meaning: 'Life left of a certificate.' },
  certificateCriticalDays: { default: 1, meaning: 'Life left of a certificate.' },
} as const satisfies Readonly<Record<string, Threshold>>;

export type ThresholdName = keyof typeof THRESHOLDS;

/** What the rules are made with: PromQL text and numbers, or the marks that the chart puts its values for. */
export interface RuleSettings {
  /**
   * Label matchers that every selector ends with, such as `namespace="mail"`; may be empty. Of `cluster` and `namespace`
   * alone: recorded series keep no other label of a target.
   */
  readonly selector: string;
  /** Pattern of the `job` label of our own targets. */
  readonly jobs: string;
  /** Pattern of the name of delivery's HorizontalPodAutoscaler. */
  readonly autoscalers: string;
  /** What stands before `/<Alert>.md`. */
  readonly runbookBaseUrl: string;
  readonly thresholds: Readonly<Record<ThresholdName, string>>;
}

const names = Object.keys(THRESHOLDS) as ThresholdName[];
const thresholds = (value: (name: ThresholdName) => string): Readonly<Record<ThresholdName, string>> =>
  Object.fromEntries(names.map((name) => [name, value(name)])) as Record<ThresholdName, string>;

/** For a rule file that is loaded as it is. */
export const DEFAULT_SETTINGS: RuleSettings = {
  selector: '',
  jobs: '.*tdc.*',
  autoscalers: '.*tdc.*delivery.*',
  runbookBaseUrl: 'docs/runbooks',
  thresholds: thresholds((name) => String(THRESHOLDS[name].default)),
};

/** `@name@` in place of each setting, which the chart replaces; nothing else of the file is touched by it. */
export const MARKED_SETTINGS: RuleSettings = {
  selector: '@selector@',
  jobs: '@jobs@',
  autoscalers: '@autoscalers@',
  runbookBaseUrl: '@runbookBaseUrl@',
  thresholds: thresholds((name) => `@${name}@`),
};
