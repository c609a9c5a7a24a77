import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../architecture/source-tree.ts';
import type { Manifest } from '../support/chart.ts';
import { MODES, renderMode } from './manifests.ts';

/** Packages with a type for each object of Kubernetes, and of those who extend it, made of their OpenAPI documents. */
const PACKAGES: Readonly<Record<string, string>> = {
  'keda.sh': '@kubernetes-models/keda/keda.sh',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator/monitoring.coreos.com',
  'cert-manager.io': '@kubernetes-models/cert-manager/cert-manager.io',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api/gateway.networking.k8s.io',
};
/** Of these there is no type: an API server with their definitions checks them (test/cluster/manifests.cluster.ts). */
const UNTYPED = ['CiliumNetworkPolicy'];
/** Of v1 there is no type yet; its fields are the same. */
const TYPED_TCP_ROUTE = 'gateway.networking.k8s.io/v1alpha2';

function moduleOf({ apiVersion }: Manifest): string {
  const [group = '', version] = apiVersion.split('/');
  const known = PACKAGES[group];
  return known === undefined ? `kubernetes-models/${apiVersion}` : `${known}/${version}`;
}

/**
 * Why the objects are not what Kubernetes takes, a line each: a missing field, a wrong type, and, since an object is written as
 * a literal, a field that is not known.
 */
function complaints(objects: readonly Manifest[]): readonly string[] {
  mkdirSync(join(ROOT, '.tdc'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, '.tdc', 'typed-'));
  try {
    const lines = objects.map((one, index) => {
      const type = `I${one.kind}`;
      const imported = `import type { ${type} as T${index} } from '${moduleOf(one)}';`;
      return `${imported}\nexport const o${index} = ${JSON.stringify(one)} satisfies T${index}; // ${one.kind} ${one.metadata.name}`;
    });
    writeFileSync(join(folder, 'objects.ts'), `${lines.join('\n')}\n`);
    const compilerOptions = { strict: true, noEmit: true, module: 'nodenext', skipLibCheck: true, types: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['objects.ts'] }));
    const { stdout } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
    return stdout.split('\n').filter((line) => line.includes('error TS'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the objects of the chart', () => {
  const all = MODES.flatMap((mode) => renderMode(4, mode))
    .filter(({ kind }) => !UNTYPED.includes(kind))
    .map((one) => (one.kind === 'TCPRoute' ? { ...one, apiVersion: TYPED_TCP_ROUTE } : one));
  const different = [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];

  it('are, in every mode, what Kubernetes and its extensions take', () => {
    assert.deepEqual(complaints(different), []);
  });

  const deployment = different.find(({ kind }) => kind === 'Deployment');
  const WRONG: readonly (readonly [name: string, spec: object, complaint: RegExp])[] = [
    ['a misspelt field', { minReadySecond: 5 }, /"minReadySecond"' does not exist/],
    ['a text for a number', { replicas: '2' }, /'string' is not assignable to type 'number'/],
  ];
  for (const [name, spec, complaint] of WRONG) {
    it(`would not be taken with ${name}`, () => {
      assert.ok(deployment !== undefined);
      const [found = ''] = complaints([{ ...deployment, spec: { ...deployment.spec, ...spec } }]);
      assert.match(found, complaint);
    });
  }
});
