import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type GatewayPod, startGatewayPod } from '../support/cluster/gateway-pod.ts';
import { type IntakePod, startIntakePod } from '../support/cluster/intake-pod.ts';
import { type ClusterSettings, clusterSettings, kubectl, kubectlJson } from '../support/cluster/kubectl.ts';
import { isReady, useNamespace } from '../support/cluster/namespace.ts';
import { assertEachOnce } from '../support/cluster/outcomes.ts';
import { type Release, releaseIn } from '../support/cluster/release.ts';
import { waitUntil } from '../support/wait-until.ts';

const settings = clusterSettings();
const NAMESPACE = 'tdc-graceful';
const COMPONENTS = ['intake', 'delivery', 'policy', 'monitor'];

interface Node {
  readonly metadata: { readonly name: string };
}

describe('under steady mail nothing is lost and nothing is doubled', {
  skip: typeof settings === 'string' ? settings : false,
}, () => {
  const cluster = settings as ClusterSettings;
  const release: Release = releaseIn(cluster, NAMESPACE);
  let intake: IntakePod;
  let gateway: GatewayPod;
  let keptNode = '';
  let drainedNode = '';
  useNamespace(NAMESPACE);
  before(async () => {
    const { items } = await kubectlJson<{ readonly items: readonly Node[] }>('get', 'nodes');
    [keptNode = '', drainedNode = ''] = items.map(({ metadata }) => metadata.name);
    intake = await startIntakePod(cluster, NAMESPACE, keptNode);
    await release.deploy({
      redis: { nodeSelector: { 'kubernetes.io/hostname': keptNode } },
      policy: { document: { version: 1, intakes: { primary: intake.setting }, defaultIntake: 'primary' } },
    });
  });
  after(() => kubectl('uncordon', drainedNode));

  /** What happens while the gateway hands over, and the check of what came of it. */
  const underMail = async (during: () => Promise<unknown>): Promise<void> => {
    await intake.reset();
    const before = await release.account();
    gateway = await startGatewayPod(cluster, NAMESPACE, {
      server: release.smtp,
      perSecond: 20,
      node: keptNode,
    });
    await during();
    const report = await gateway.stop();
    const account = await release.settled();
    const copies = await intake.copies();
    assertEachOnce(report, copies);
    assert.equal(account.delivered - before.delivered, copies.length);
    assert.equal(account.hardBounced, before.hardBounced, 'a copy was given up');
  };

  for (const component of COMPONENTS) {
    it(`while ${component} is replaced`, async () => {
      await underMail(async () => {
        const old = new Set((await release.pods(component)).map(({ metadata }) => metadata.uid));
        await kubectl('--namespace', NAMESPACE, 'rollout', 'restart', `deploy/tdc-${component}`);
        await release.gone(component, old);
        await release.ready(component, old.size);
      });
    });
  }

  it('while a node is drained', async () => {
    await underMail(async () => {
      await kubectl(
        'drain',
        drainedNode,
        '--ignore-daemonsets',
        '--delete-emptydir-data',
        '--timeout=3m',
        `--pod-selector=app.kubernetes.io/instance=${release.name}`,
      );
      await waitUntil(
        async () => {
          const pods = (await Promise.all(COMPONENTS.map((one) => release.pods(one)))).flat();
          return pods.every((pod) => isReady(pod) && pod.spec.nodeName === keptNode);
        },
        { withinSeconds: 120, what: 'every pod to stand on the other node' },
      );
      await kubectl('uncordon', drainedNode);
    });
  });

  it('while delivery is scaled out and in', async () => {
    await underMail(async () => {
      for (const count of [4, 1]) {
        const old = new Set((await release.pods('delivery')).map(({ metadata }) => metadata.uid));
        await kubectl('--namespace', NAMESPACE, 'scale', 'deploy/tdc-delivery', `--replicas=${count}`);
        const left = await release.ready('delivery', count);
        for (const { metadata } of left) old.delete(metadata.uid);
        await release.gone('delivery', old);
      }
    });
  });
});
