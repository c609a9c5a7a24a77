import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { ROOT, textOf } from '../architecture/source-tree.ts';
import { CHART, find, type Manifest, render } from '../support/chart.ts';
import { HELM_MAJORS, helm } from '../support/helm.ts';

/** Places that the chart is installed to, each with its values; what lies on top of another is named behind it. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  local: ['local'],
  dev: ['local', 'dev'],
  debug: ['local', 'debug'],
  ci: ['ci'],
  production: ['production'],
};

type Values = Record<string, unknown>;
const isMap = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One values file on top of another, as Helm puts them. */
function merged(below: Values, above: Values): Values {
  const result = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const under = result[key];
    result[key] = isMap(under) && isMap(value) ? merged(under, value) : value;
  }
  return result;
}

const fileOf = (name: string): string => `deploy/values/${name}.yaml`;
const filesOf = (place: string): readonly string[] => (PLACES[place] ?? []).map(fileOf);
const valuesOf = (place: string): Values =>
  filesOf(place)
    .map((file) => parse(textOf(file)) as Values)
    .reduce(merged);

interface Container {
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext?: { readonly readOnlyRootFilesystem?: boolean };
}
interface Workload {
  readonly replicas?: number;
  readonly template: { readonly spec: { readonly containers: readonly Container[] } };
}
const workloadOf = (manifest: Manifest): Workload => manifest.spec as unknown as Workload;
const containersOf = (manifests: readonly Manifest[]): readonly Container[] =>
  manifests
    .filter(({ kind }) => kind === 'Deployment')
    .flatMap((one) => workloadOf(one).template.spec.containers);
const kindsOf = (manifests: readonly Manifest[]): ReadonlySet<string> =>
  new Set(manifests.map(({ kind }) => kind));

describe('the values of each place', () => {
  it('are all looked at here', () => {
    const files = globSync('deploy/values/*.yaml', { cwd: ROOT }).map((file) => basename(file, '.yaml'));
    assert.deepEqual(files.toSorted(), Object.keys(PLACES).sort());
  });

  for (const place of Object.keys(PLACES)) {
    it(`${place}: say at the top what they are for`, () => assert.match(textOf(fileOf(place)), /^# [A-Z]/));

    for (const major of HELM_MAJORS) {
      it(`${place}: pass lint, strictly, and are rendered by Helm ${major}`, () => {
        const flags = filesOf(place).flatMap((file) => ['--values', file]);
        const result = helm(major, 'lint', '--strict', CHART, ...flags);
        assert.equal(result.kind, 'ok', result.kind === 'failed' ? result.message : '');
        assert.ok(render(major, valuesOf(place)).length > 0);
      });
    }
  }
});

describe('the values of a trial on one machine', () => {
  const manifests = render(4, valuesOf('local'));

  it('have everything once, and a stand-in that takes the copies', () => {
    const replicas = manifests
      .filter(({ kind }) => kind === 'Deployment')
      .map((one) => [one.metadata.name, workloadOf(one).replicas]);
    assert.deepEqual(Object.fromEntries(replicas), {
      'tdc-delivery': 1,
      'tdc-intake': 1,
      'tdc-monitor': 1,
      'tdc-policy': 1,
      'tdc-stand-in': 1,
    });
    const document = find(manifests, 'ConfigMap', 'policy').data?.['policy.yaml'] ?? '';
    assert.ok('stand-in' in (parse(document) as { intakes: Values }).intakes);
  });

  it('leave no volume behind', () => {
    assert.equal(workloadOf(find(manifests, 'StatefulSet', 'redis')).replicas, 1);
    assert.equal(find(manifests, 'StatefulSet', 'redis').spec?.['volumeClaimTemplates'], undefined);
  });

  it('can be written to in the pods of skaffold dev, and only there', () => {
    const writable = (place: string): boolean[] => [
      ...new Set(
        containersOf(render(4, valuesOf(place))).map(
          ({ securityContext }) => securityContext?.readOnlyRootFilesystem === false,
        ),
      ),
    ];
    assert.deepEqual(writable('dev'), [true]);
    for (const place of ['local', 'debug', 'ci', 'production'])
      assert.deepEqual(writable(place), [false], place);
  });

  it('open an inspector to the pod itself alone, for debug, and only there', () => {
    const inspectors = (place: string): readonly string[] =>
      containersOf(render(4, valuesOf(place))).flatMap(({ args, env }) => {
        const options = env?.find(({ name }) => name === 'NODE_OPTIONS')?.value ?? '';
        const at = /--inspect=(\S+)/.exec(options)?.[1];
        return at === undefined ? [] : [`${args?.[0]} ${at}`];
      });
    assert.deepEqual(
      inspectors('debug').toSorted(),
      ['delivery', 'intake', 'monitor', 'policy'].map((component) => `${component} 127.0.0.1:9229`),
    );
    for (const place of ['local', 'dev', 'ci', 'production']) assert.deepEqual(inspectors(place), [], place);
  });
});

describe('the values of a CI job', () => {
  const manifests = render(4, valuesOf('ci'));

  it('close the pods to each other like in production, and have a test', () => {
    const kinds = kindsOf(manifests);
    for (const kind of ['NetworkPolicy', 'PodDisruptionBudget']) assert.ok(kinds.has(kind), kind);
    const tests = manifests.filter(
      ({ metadata }) =>
        (metadata as { annotations?: Record<string, string> }).annotations?.['helm.sh/hook'] === 'test',
    );
    assert.equal(tests.length, 1);
  });
});

describe('the values of production', () => {
  const manifests = render(4, valuesOf('production'));
  const kinds = kindsOf(manifests);

  for (const kind of [
    'Certificate',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'PodMonitor',
    'PrometheusRule',
    'ScaledObject',
  ]) {
    it(`have a ${kind}`, () => assert.ok(kinds.has(kind)));
  }

  it('have no Redis of the release, no stand-in, and no secret but those of somebody else', () => {
    for (const kind of ['StatefulSet', 'Secret']) assert.equal(kinds.has(kind), false, kind);
    assert.equal(
      manifests.some(({ metadata }) => metadata.name.includes('stand-in')),
      false,
    );
  });

  it('have dashboards', () => {
    const dashboards = manifests.filter(({ metadata }) => metadata.labels?.['grafana_dashboard'] === '1');
    assert.ok(dashboards.length > 0);
  });

  it('close every pod, and let in only who is named', () => {
    for (const { spec, metadata } of manifests.filter(({ kind }) => kind === 'NetworkPolicy')) {
      for (const { from } of (spec as { ingress: { from?: unknown[] }[] }).ingress) {
        assert.ok(from !== undefined && from.length > 0, metadata.name);
      }
    }
  });

  it('leave the number of delivery pods to the autoscaler', () => {
    assert.equal(workloadOf(find(manifests, 'Deployment', '-delivery')).replicas, undefined);
  });

  it('mark what is the user’s own', () => {
    assert.ok((textOf(fileOf('production')).match(/# CHANGE/g) ?? []).length >= 10);
  });
});
