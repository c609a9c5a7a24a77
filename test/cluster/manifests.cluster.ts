import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MODES, ofKind, renderMode } from '../chart/manifests.ts';
import type { Manifest } from '../support/chart.ts';
import { apply, kubectl, runProgram } from '../support/cluster/kubectl.ts';
import { makeNamespace, removeNamespace } from '../support/cluster/namespace.ts';

const NAMESPACE = 'tdc-manifests';
const noCluster = process.env['KUBECONFIG'] ? false : 'KUBECONFIG names no cluster';

const inNamespace = ({ metadata, ...rest }: Manifest): Manifest => ({
  ...rest,
  metadata: { ...metadata, namespace: NAMESPACE } as Manifest['metadata'],
});

/** Asks the API server what it would make of the objects; fails with what it says, a field that it does not know included. */
const judge = (objects: readonly Manifest[]): Promise<string> =>
  runProgram(
    'kubectl',
    ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict', '--filename=-'],
    objects.map((one) => JSON.stringify(inNamespace(one))).join('\n---\n'),
  );

describe('the API server takes the objects of every mode', { skip: noCluster }, () => {
  let served: ReadonlySet<string>;
  const isServed = ({ apiVersion, kind }: Manifest): boolean => served.has(`${apiVersion} ${kind}`);

  before(async () => {
    await makeNamespace(NAMESPACE);
    const rows = (await kubectl('api-resources', '--no-headers')).trimEnd().split('\n');
    served = new Set(rows.map((row) => row.trim().split(/ +/)).map((row) => `${row.at(-3)} ${row.at(-1)}`));
    // A pod is taken only with its account.
    const accounts = MODES.flatMap((mode) => ofKind(renderMode(4, mode), 'ServiceAccount'));
    const byName = new Map(accounts.map((one) => [one.metadata.name, one]));
    await apply(NAMESPACE, ...byName.values());
  });

  after(() => removeNamespace(NAMESPACE));

  for (const mode of MODES) {
    it(mode.name, async (test) => {
      const objects = renderMode(4, mode);
      const unknown = objects.filter((one) => !isServed(one));
      for (const { apiVersion, kind } of unknown) test.diagnostic(`${apiVersion} ${kind} is not served here`);
      const said = await judge(objects.filter(isServed));
      assert.equal(said.trimEnd().split('\n').length, objects.length - unknown.length);
    });
  }

  it('and would not take a field that it does not know', async () => {
    const [policy] = ofKind(renderMode(4, MODES[0] ?? assert.fail()), 'PodDisruptionBudget');
    assert.ok(policy !== undefined);
    await assert.rejects(
      judge([{ ...policy, spec: { ...policy.spec, maxUnavailabel: 1 } }]),
      /\.spec\.maxUnavailabel: field not declared in schema|unknown field "spec\.maxUnavailabel"/,
    );
  });
});
