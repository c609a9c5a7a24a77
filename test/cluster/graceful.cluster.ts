import assert from 'node:assert/strict';
import { after, describe, it, type TestContext } from 'node:test';
import { kubectl } from '../support/cluster/kubectl.ts';
import { isReady } from '../support/cluster/namespace.ts';
import { assertStretch } from '../support/cluster/outcomes.ts';
import { COMPONENTS, noCluster, useTrial } from '../support/cluster/use-trial.ts';
import { waitUntil } from '../support/wait-until.ts';

const NAMESPACE = 'tdc-graceful';

describe('under steady mail nothing is lost and nothing is doubled', { skip: noCluster }, () => {
  const trial = useTrial(NAMESPACE);
  const { release } = trial;

  const check = async (test: TestContext, during: () => Promise<unknown>): Promise<void> => {
    const stretch = await trial.underMail(during);
    assertStretch(test, stretch);
    const { report, copies, before, account } = stretch;
    assert.equal(account.delivered - before.delivered, copies.length);
    assert.deepEqual(report.uncertain, [], 'transactions that were cut');
  };

  for (const component of COMPONENTS) {
    it(`while ${component} is replaced`, async (test) => {
      await check(test, async () => {
        const old = await release.uids(component);
        await kubectl('--namespace', NAMESPACE, 'rollout', 'restart', `deploy/tdc-${component}`);
        await release.gone(component, old);
        await release.ready(component, old.size);
      });
    });
  }

  it('while delivery is scaled out and in', async (test) => {
    await check(test, async () => {
      for (const count of [4, 2]) {
        const old = await release.uids('delivery');
        await kubectl('--namespace', NAMESPACE, 'scale', 'deploy/tdc-delivery', `--replicas=${count}`);
        for (const { metadata } of await release.ready('delivery', count)) old.delete(metadata.uid);
        await release.gone('delivery', old);
      }
    });
  });

  describe('on several nodes', () => {
    after(async () => {
      if (trial.otherNode !== undefined) await kubectl('uncordon', trial.otherNode);
    });

    it('while a node is drained', async (test) => {
      const node = trial.otherNode;
      if (node === undefined) return test.skip('the cluster has one node');
      await check(test, async () => {
        await kubectl(
          'drain',
          node,
          '--ignore-daemonsets',
          '--delete-emptydir-data',
          '--timeout=3m',
          `--pod-selector=app.kubernetes.io/instance=${release.name}`,
        );
        await waitUntil(
          async () => {
            const pods = (await Promise.all(COMPONENTS.map((one) => release.pods(one)))).flat();
            return pods.every((pod) => isReady(pod) && pod.spec.nodeName !== node);
          },
          { withinSeconds: 120, what: 'every pod to stand on another node' },
        );
      });
    });
  });
});
