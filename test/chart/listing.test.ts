import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { textOf } from '../architecture/source-tree.ts';
import { CHART, render } from '../support/chart.ts';
import { podOf, workloads } from './manifests.ts';

interface ChartFile {
  readonly home: string;
  readonly icon: string;
  readonly kubeVersion: string;
  readonly sources: readonly string[];
  readonly maintainers: readonly { readonly name: string }[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** What Artifact Hub shows of a chart, by its own rules. */
describe('Chart.yaml', () => {
  const chart = parse(textOf(`${CHART}/Chart.yaml`)) as ChartFile;
  const listed = <T>(name: string): readonly T[] =>
    parse(chart.annotations[`artifacthub.io/${name}`] ?? '[]') as T[];

  it('says whose it is and where it comes from', () => {
    assert.ok(chart.sources.length > 0 && chart.maintainers.length > 0);
    for (const url of [chart.home, chart.icon, ...chart.sources]) assert.match(url, /^https:\/\//);
    assert.match(chart.kubeVersion, /-0$/, 'or versions of providers, 1.36.1-gke.2, are refused');
  });

  it('names a category and a licence that are known', () => {
    assert.equal(chart.annotations['artifacthub.io/category'], 'security');
    assert.equal(chart.annotations['artifacthub.io/license'], 'Apache-2.0');
    for (const name of ['prerelease', 'containsSecurityUpdates'])
      assert.match(chart.annotations[`artifacthub.io/${name}`] ?? '', /^(true|false)$/);
  });

  it('lists the images that it runs, and no others', () => {
    const run = workloads(render(4, { standIn: { enabled: true } })).flatMap((one) =>
      podOf(one).containers.map(({ image }) => image),
    );
    const named = listed<{ image: string }>('images').map(({ image }) => image);
    assert.deepEqual(named.toSorted(), [...new Set(run)].toSorted());
  });

  it('lists changes and links as they are read', () => {
    const kinds = ['added', 'changed', 'deprecated', 'removed', 'fixed', 'security'];
    for (const { kind, description } of listed<{ kind: string; description: string }>('changes')) {
      assert.ok(kinds.includes(kind), kind);
      assert.ok(description.length > 10);
    }
    for (const { url } of [
      ...listed<{ url: string }>('links'),
      ...listed<{ url: string }>('recommendations'),
    ])
      assert.match(url, /^https:\/\//);
    assert.ok(
      listed('changes').length > 0 &&
        listed<{ name: string }>('links').some(({ name }) => name === 'support'),
    );
  });
});
