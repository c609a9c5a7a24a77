import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { DEFAULT_SETTINGS, ruleGroups } from '@tdc/observability';
import { whyNoDebian } from '../support/debian.ts';
import { bringPrometheus, type ExpressionTest, promtool, testRules } from '../support/promtool.ts';
import { BUDGET } from './alerts/budget-cases.ts';
import { PROCESSES } from './alerts/process-cases.ts';
import { QUEUE } from './alerts/queue-cases.ts';

const RULE_FILE = 'charts/tdc/alerts/tdc.rules.yaml';
const skip = whyNoDebian() ?? false;
/** At least one that fires and one that does not, for each alert. */
const ALERT_CASES = [...QUEUE, ...PROCESSES, ...BUDGET];

const seriesName = (name: string, labels: Readonly<Record<string, string>>): string =>
  `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .join(',')}}`;

describe('the rule file', { skip }, () => {
  before(bringPrometheus);

  it('is one that Prometheus takes, without a lint', () => {
    assert.equal(promtool(['check', 'rules', '--lint-fatal', RULE_FILE]), '');
  });
});

describe('an alert', { skip }, () => {
  before(bringPrometheus);

  for (const { alert, when, series, at, interval, firing } of ALERT_CASES) {
    it(`${alert} ${firing.length > 0 ? 'fires' : 'is silent'} when ${when}`, () => {
      const test: ExpressionTest = {
        series,
        at,
        ...(interval === undefined ? {} : { interval }),
        expr: `ALERTS{alertname="${alert}",alertstate="firing"}`,
        samples: firing.map((labels) => ({
          labels: seriesName('ALERTS', { alertname: alert, alertstate: 'firing', ...labels }),
          value: 1,
        })),
      };
      assert.equal(testRules(RULE_FILE, test), '');
    });
  }

  it('has a case that fires and one that does not, every rule of it', () => {
    const rules = ruleGroups(DEFAULT_SETTINGS).flatMap((group) =>
      group.rules.flatMap((rule) => ('alert' in rule ? [rule] : [])),
    );
    for (const { alert, labels } of rules) {
      const cases = ALERT_CASES.filter((one) => one.alert === alert);
      const fires = cases.some(({ firing }) =>
        firing.some((one) => Object.entries(labels).every(([label, value]) => one[label] === value)),
      );
      assert.ok(fires, `nothing makes ${alert} ${JSON.stringify(labels)} fire`);
      assert.ok(
        cases.some(({ firing }) => firing.length === 0),
        `nothing shows ${alert} silent`,
      );
    }
  });
});

const INTAKE = 'namespace="mail",intake="primary"';
const delivered = `tdc_delivered_recipients_total{${INTAKE}}`;
const tls = `tdc_hard_bounced_recipients_total{${INTAKE},reason="tls"}`;
const latency = (pod: string, le: string): string =>
  `tdc_delivery_latency_seconds_bucket{${INTAKE},pod="${pod}",le="${le}"}`;
const latencyCount = (pod: string): string => `tdc_delivery_latency_seconds_count{${INTAKE},pod="${pod}"}`;

/** Bad copies of a thousand that ended, to three digits: rates of whole numbers are not whole. */
const RECORDED: readonly (readonly [string, ExpressionTest['series'], string, number])[] = [
  ['counts hard bounces', { [delivered]: '0+9x40', [tls]: '0+1x40' }, '5m', 100],
  [
    'counts a delivery behind 120 s, and takes the edge as Prometheus 2 and 3 write it',
    {
      [delivered]: '0+10x40',
      [tls]: '0x40',
      [latency('a', '120')]: '0+4x40',
      [latencyCount('a')]: '0+5x40',
      [latency('b', '120.0')]: '0+5x40',
      [latencyCount('b')]: '0+5x40',
    },
    '5m',
    100,
  ],
  [
    'takes a worker that is gone for no loss',
    {
      [delivered]: '0+10x40',
      [tls]: '0x40',
      [latency('a', '120')]: '0+4x10',
      [latencyCount('a')]: '0+4x10',
    },
    '5m',
    0,
  ],
  [
    'counts once what two monitors export',
    {
      [`tdc_delivered_recipients_total{${INTAKE},pod="a"}`]: '0+9x40',
      [`tdc_delivered_recipients_total{${INTAKE},pod="b"}`]: '0+9x40',
      [`tdc_hard_bounced_recipients_total{${INTAKE},reason="tls",pod="a"}`]: '0+1x40',
      [`tdc_hard_bounced_recipients_total{${INTAKE},reason="tls",pod="b"}`]: '0+1x40',
    },
    '30m',
    100,
  ],
  [
    'goes on over a monitor that was replaced',
    {
      [`tdc_delivered_recipients_total{${INTAKE},pod="a"}`]: '0+9x20',
      [`tdc_hard_bounced_recipients_total{${INTAKE},reason="tls",pod="a"}`]: '0+1x20',
      [`tdc_delivered_recipients_total{${INTAKE},pod="b"}`]: '_x20 180+9x20',
      [`tdc_hard_bounced_recipients_total{${INTAKE},reason="tls",pod="b"}`]: '_x20 20+1x20',
    },
    '1h',
    100,
  ],
];

describe('the share of bad copies', { skip }, () => {
  before(bringPrometheus);

  for (const [what, series, window, perMille] of RECORDED) {
    it(what, () => {
      const test: ExpressionTest = {
        series,
        at: '9m',
        expr: `round(1000 * intake:tdc_copies_bad:ratio_rate${window})`,
        samples: [{ labels: `{${INTAKE}}`, value: perMille }],
      };
      assert.equal(testRules(RULE_FILE, test), '');
    });
  }

  it('is not there while no copy ends', () => {
    const test: ExpressionTest = {
      series: { [delivered]: '5x40', [tls]: '5x40' },
      at: '9m',
      expr: 'intake:tdc_copies_bad:ratio_rate5m',
      samples: [],
    };
    assert.equal(testRules(RULE_FILE, test), '');
  });
});
