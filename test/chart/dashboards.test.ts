import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DASHBOARD_FILES, THRESHOLDS } from '@tdc/observability';
import { textOf } from '../architecture/source-tree.ts';
import { type Manifest, render } from '../support/chart.ts';
import { HELM_MAJORS } from '../support/helm.ts';
import { type DashboardModel, shown } from './dashboard.ts';

const boards = Object.entries(DASHBOARD_FILES).map(([path, text]) => ({
  path,
  text,
  model: JSON.parse(text) as DashboardModel,
}));

const VARIABLES = ['datasource', 'cluster', 'namespace', 'job', 'instance', 'intake'];
/** Labels that a selector may lack, by what it selects. */
const RECORDED = /^intake:/;
const FOREIGN = /^(ALERTS|kube_)/;

/** Selectors of an expression: name and matchers. */
const selectors = (expr: string): readonly (readonly [string, string])[] =>
  [...expr.matchAll(/([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}/g)].map((match) => [
    match[1] ?? '',
    match[2] ?? '',
  ]);

for (const { path, text, model } of boards) {
  const panels = shown(model);

  describe(path, () => {
    it('is what the sources give (npm run gen:dashboards)', () => assert.equal(textOf(path), text));

    it('is of the classic model, not to be edited in place, and small enough for a ConfigMap', () => {
      assert.deepEqual([model.schemaVersion, model.editable, model.timezone], [42, false, 'browser']);
      assert.ok(text.length < 250_000);
      assert.match(model.description, /\.$|\?$/);
    });

    it('keeps its address, and leads to the others', () => {
      assert.equal(path, `charts/tdc/dashboards/${model.uid}.json`);
      assert.deepEqual(model.tags, ['tdc']);
      const [link] = model.links;
      assert.deepEqual([link?.type, link?.includeVars, link?.keepTime], ['dashboards', true, true]);
    });

    it('has one variable for the data source, and one for each label it may be narrowed by', () => {
      const { list } = model.templating;
      assert.deepEqual(
        list.map(({ name }) => name),
        VARIABLES,
      );
      assert.deepEqual([list[0]?.type, list[0]?.query], ['datasource', 'prometheus']);
      for (const one of list.slice(1)) {
        assert.deepEqual(
          [one.type, one.multi, one.includeAll, one.refresh],
          ['query', true, true, 2],
          one.name,
        );
        assert.equal(one.allValue, ['cluster', 'namespace'].includes(one.name) ? '.*' : '.+');
      }
    });

    it('has panels that overlap nowhere and have a number each', () => {
      const cells = model.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, n) => `${x + (n % w)}/${y + Math.floor(n / w)}`),
      );
      assert.equal(new Set(cells).size, cells.length);
      assert.ok(model.panels.every(({ gridPos: { x, w } }) => x + w <= 24));
      assert.equal(new Set(model.panels.map(({ id }) => id)).size, model.panels.length);
    });

    it('shows each thing once', () => {
      const titles = panels.map(({ title }) => title);
      assert.equal(new Set(titles).size, titles.length);
    });

    for (const { title, type, description, datasource, fieldConfig, targets = [] } of panels) {
      it(`${title}: says what it shows, in which unit, and from where`, () => {
        assert.match(description ?? '', /\.$/);
        if (type !== 'heatmap') assert.match(fieldConfig?.defaults.unit ?? '', /^[a-z]+$/);
        assert.ok(targets.length > 0);
        for (const one of [datasource, ...targets.map((target) => target.datasource)])
          assert.deepEqual(one, { type: 'prometheus', uid: '$datasource' });
        assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length);
      });

      it(`${title}: is narrowed by the variables`, () => {
        for (const { expr } of targets) {
          const found = selectors(expr);
          assert.ok(found.length > 0, expr);
          for (const [name, matchers] of found) {
            const wanted = ['cluster', 'namespace'];
            if (RECORDED.test(name)) wanted.push('intake');
            else if (!FOREIGN.test(name)) wanted.push('job', 'instance');
            for (const label of wanted)
              assert.ok(matchers.includes(`${label}=~"$${label}"`), `${name} by ${label}`);
          }
        }
      });

      it(`${title}: shows counters as what they grew by, over as much time as the panel needs`, () => {
        for (const { expr } of targets) {
          for (const match of expr.matchAll(
            /(\w+)\((\w+(?:_total|_bucket|_count|_sum))\{[^}]*\}(\[[^\]]*\])?/g,
          )) {
            assert.match(match[1] ?? '', /^(rate|increase)$/, expr);
            assert.match(match[3] ?? '', /^\[\$__(rate_interval|range)\]$/, expr);
          }
          assert.doesNotMatch(expr.replaceAll(/(rate|increase)\([^)]*\)/g, ''), /_total|_bucket/, expr);
        }
      });
    }
  });
}

describe('the thresholds of panels', () => {
  /** Each limit of an alert, and the panel that draws it. */
  const drawn: readonly (readonly [keyof typeof THRESHOLDS, panel: string, share?: number])[] = [
    ['sloPercent', 'Delivered in time, 30 days', 100],
    ['oldestSeconds', 'Oldest copy'],
    ['oldestSeconds', 'Oldest copy by intake'],
    ['stuckSeconds', 'Longest without progress'],
    ['saturatedPercent', 'Slots in use', 100],
    ['deferringPercent', 'Left with the gateway', 100],
    ['policyStaleSeconds', 'Longest silence'],
    ['redisMemoryPercent', 'Memory in use', 100],
    ['certificateWarningDays', 'Certificates, days left'],
    ['certificateCriticalDays', 'Certificates, days left'],
  ];
  for (const [name, title, share = 1] of drawn) {
    it(`${title} changes colour where the alert on ${name} begins`, () => {
      const panel = boards.flatMap(({ model }) => shown(model)).find((one) => one.title === title);
      const steps = panel?.fieldConfig?.defaults.thresholds?.steps.map(({ value }) => value) ?? [];
      assert.ok(steps.includes(THRESHOLDS[name].default / share), JSON.stringify(steps));
    });
  }
});

for (const major of HELM_MAJORS) {
  describe(`the chart's dashboards, rendered by Helm ${major}`, () => {
    const dashboards = (values: object): readonly Manifest[] =>
      render(major, { metrics: { dashboards: values } }).filter(
        ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.includes('-dashboard-'),
      );

    it('are not there unless they are wanted', () => assert.deepEqual(dashboards({}), []));

    it('are a ConfigMap each, to the letter, with the label that the sidecar looks for', () => {
      const found = dashboards({ enabled: true });
      const data = Object.assign({}, ...found.map((one) => one.data)) as Record<string, string>;
      const files = boards.map(({ model, text }) => [`${model.uid}.json`, text]);
      assert.deepEqual(data, Object.fromEntries(files));
      assert.equal(found.length, boards.length);
      for (const { metadata } of found) assert.equal(metadata.labels?.['grafana_dashboard'], '1');
    });

    it('go where they are sent', () => {
      const found = dashboards({
        enabled: true,
        namespace: 'monitoring',
        labels: { grafana_dashboard: 'yes' },
        annotations: { grafana_folder: 'Mail' },
      });
      for (const { metadata } of found) {
        const { namespace, annotations } = metadata as {
          namespace?: string;
          annotations?: Record<string, string>;
        };
        assert.deepEqual([namespace, annotations?.['grafana_folder']], ['monitoring', 'Mail']);
        assert.equal(metadata.labels?.['grafana_dashboard'], 'yes');
      }
    });
  });
}
