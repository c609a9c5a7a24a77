import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AlertingRule,
  DEFAULT_SETTINGS,
  RULE_FILES,
  type RuleGroup,
  type RuleSettings,
  ruleGroups,
  THRESHOLDS,
} from '@tdc/observability';
import { parse } from 'yaml';
import { filesBelow, textOf } from '../architecture/source-tree.ts';
import { CHART, find, render } from '../support/chart.ts';
import { HELM_MAJORS, type HelmMajor } from '../support/helm.ts';

const groups = ruleGroups(DEFAULT_SETTINGS);
const alertsOf = (of: readonly RuleGroup[]): readonly AlertingRule[] =>
  of.flatMap(({ rules }) => rules.flatMap((rule) => ('alert' in rule ? [rule] : [])));
const alerts = alertsOf(groups);
const names = [...new Set(alerts.map(({ alert }) => alert))].sort();

describe('the rule files', () => {
  for (const [path, text] of Object.entries(RULE_FILES)) {
    it(`${path} is what the sources give (npm run gen:rules)`, () => assert.equal(textOf(path), text));
  }
});

describe('an alert', () => {
  for (const { alert, annotations, labels } of alerts) {
    it(`${alert} (${labels.severity}) says what is the matter and where to read on`, () => {
      assert.match(alert, /^TDC([A-Z][a-z]+)+$/);
      assert.match(annotations.summary, /^.{20,100}\.$/);
      assert.match(annotations.description, /\.$/);
      assert.equal(annotations.runbook_url, `docs/runbooks/${alert}.md`);
    });
  }

  it('waits no longer than a copy lives, but for the budget of a month and what nobody loses by', () => {
    const patient = ['TDCJournalBudgetBurn', 'TDCVerdictHeadersIgnored', 'TDCProxyHeadersRefused'];
    const slow = alerts.filter((one) => !patient.includes(one.alert) && !/^(\d+s|[12]m)$/.test(one.for));
    assert.deepEqual(
      slow.map(({ alert }) => alert),
      [],
    );
  });
});

describe('a runbook', () => {
  const runbooks = filesBelow('docs/runbooks', '.md').filter((path) => !path.endsWith('/README.md'));

  it('is there for every alert, and for nothing else', () => {
    assert.deepEqual(runbooks.map((path) => path.replace(/^.*\/(.*)\.md$/, '$1')).sort(), names);
  });

  for (const path of runbooks) {
    it(`${path} has its four parts, and commands`, () => {
      const text = textOf(path);
      const headings = [...text.matchAll(/^#+ (.*)$/gm)].map((match) => match[1]);
      const alert = path.replace(/^.*\/(.*)\.md$/, '$1');
      assert.deepEqual(headings, [alert, 'Meaning', 'Impact', 'Diagnosis', 'Mitigation']);
      assert.match(text, /^```/m);
    });
  }

  it('is listed in docs/runbooks/README.md', () => {
    const listed = [...textOf('docs/runbooks/README.md').matchAll(/\((TDC\w+)\.md\)/g)].map(
      (match) => match[1],
    );
    assert.deepEqual(new Set(listed), new Set(names));
  });
});

interface Rendered {
  readonly namespace?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly groups: readonly RuleGroup[];
}

function renderRule(major: HelmMajor, values: object = {}): Rendered {
  const manifests = render(major, { metrics: { prometheusRule: { enabled: true, ...values } } });
  const { metadata, spec } = find(manifests, 'PrometheusRule', 'tdc');
  return {
    ...(metadata as { namespace?: string }),
    labels: metadata.labels ?? {},
    groups: (spec as { groups: RuleGroup[] }).groups,
  };
}

const IN_MAIL: RuleSettings = {
  ...DEFAULT_SETTINGS,
  selector: 'namespace="mail"',
  autoscalers: '.*tdc-delivery.*',
};

for (const major of HELM_MAJORS) {
  describe(`the chart's PrometheusRule, rendered by Helm ${major}`, () => {
    it('is not there unless it is wanted', () => {
      assert.ok(render(major).every(({ kind }) => kind !== 'PrometheusRule'));
    });

    it('is the rule file, for the namespace of the release', () => {
      assert.deepEqual(renderRule(major).groups, ruleGroups(IN_MAIL));
    });

    it('takes every threshold, selector and address from the values', () => {
      const moved = Object.fromEntries(Object.keys(THRESHOLDS).map((name, index) => [name, 11 + index]));
      const selector = 'namespace="a",cluster=~"b|c"';
      const values = {
        thresholds: moved,
        selector,
        jobs: 'mail/.*',
        autoscalers: 'keda-hpa-x',
        runbookBaseUrl: 'https://wiki.example/tdc/',
      };
      const settings = {
        thresholds: Object.fromEntries(Object.entries(moved).map(([name, value]) => [name, String(value)])),
        selector,
        jobs: 'mail/.*',
        autoscalers: 'keda-hpa-x',
        runbookBaseUrl: 'https://wiki.example/tdc',
      } as unknown as RuleSettings;
      assert.deepEqual(renderRule(major, values).groups, ruleGroups(settings));
    });

    it('goes where it is sent, with labels for the operator and for the alerts', () => {
      const rule = renderRule(major, {
        namespace: 'monitoring',
        labels: { release: 'prometheus' },
        alertLabels: { team: 'mail' },
      });
      assert.equal(rule.namespace, 'monitoring');
      assert.equal(rule.labels['release'], 'prometheus');
      for (const { labels } of alertsOf(rule.groups)) assert.equal(labels['team'], 'mail');
    });

    it('leaves out what is disabled, and takes further rules with their braces', () => {
      const own = {
        alert: 'Own',
        expr: 'vector(1)',
        annotations: { summary: '{{ $labels.pod }} {{ .Values }}' },
      };
      const { groups: made } = renderRule(major, {
        disabledAlerts: ['TDCScaledToMax'],
        additionalRules: [own],
      });
      const left = alertsOf(made).map(({ alert }) => alert);
      assert.ok(!left.includes('TDCScaledToMax'));
      assert.deepEqual(made.at(-1), { name: 'tdc-additional', rules: [own] });
    });
  });
}

describe('the thresholds', () => {
  it('have the same defaults in the values of the chart', () => {
    const values = parse(textOf(`${CHART}/values.yaml`)) as {
      metrics: { prometheusRule: { thresholds: Record<string, number> } };
    };
    const defaults = Object.entries(THRESHOLDS).map(([name, threshold]) => [name, threshold.default]);
    assert.deepEqual(values.metrics.prometheusRule.thresholds, Object.fromEntries(defaults));
  });
});
