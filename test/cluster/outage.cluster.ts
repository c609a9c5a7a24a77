import assert from 'node:assert/strict';
import { after, describe, it, type TestContext } from 'node:test';
import { kubectl, kubectlJson, runProgram } from '../support/cluster/kubectl.ts';
import { isReady } from '../support/cluster/namespace.ts';
import { assertEachOnce } from '../support/cluster/outcomes.ts';
import { noCluster, type Stretch, useTrial } from '../support/cluster/use-trial.ts';
import { waitUntil } from '../support/wait-until.ts';

const NAMESPACE = 'tdc-outage';

describe('after an outage every accepted message has one outcome', { skip: noCluster }, () => {
  const trial = useTrial(NAMESPACE, { redis: { appendfsync: 'always' }, delivery: { replicas: 3 } });
  const { release } = trial;

  const check = (test: TestContext, { report, copies, account, before }: Stretch): void => {
    test.diagnostic(
      `${report.accepted.length} accepted, ${report.uncertain.length} handed over twice, deferred: ${JSON.stringify(report.deferred)}`,
    );
    assertEachOnce(report, copies, { doubles: true });
    assert.equal(account.hardBounced, before.hardBounced, 'a copy was given up');
    assert.equal(account.difference, 0);
  };

  it('when Redis is killed', async (test) => {
    const pod = 'tdc-redis-0';
    const uidOf = async (): Promise<string> =>
      (
        await kubectlJson<{ readonly metadata: { readonly uid: string } }>(
          '--namespace',
          NAMESPACE,
          'get',
          'pod',
          pod,
        )
      ).metadata.uid;
    const stretch = await trial.underMail(async () => {
      const old = await uidOf();
      await kubectl('--namespace', NAMESPACE, 'delete', 'pod', pod, '--grace-period=0', '--force');
      await waitUntil(async () => (await uidOf()) !== old, { withinSeconds: 60, what: 'a new Redis' });
      await release.ready('redis', 1);
      const settledOnce = (await trial.release.account()).delivered;
      await waitUntil(async () => (await trial.release.account()).delivered > settledOnce, {
        withinSeconds: 60,
        what: 'copies to be delivered again',
      });
    });
    check(test, stretch);
  });

  it('when pods of delivery are killed', async (test) => {
    const stretch = await trial.underMail(async () => {
      for (const { metadata } of (await release.pods('delivery')).slice(0, 2)) {
        await kubectl(
          '--namespace',
          NAMESPACE,
          'delete',
          'pod',
          metadata.name,
          '--grace-period=0',
          '--force',
        );
      }
      await release.ready('delivery', 3);
    });
    check(test, stretch);
  });

  describe('when a node is lost', () => {
    const { startNode, stopNode } = trial.cluster;
    const skip =
      stopNode === undefined || startNode === undefined
        ? 'TDC_TEST_STOP_NODE and TDC_TEST_START_NODE say how a node is lost and comes back'
        : false;
    const run = (command: string | undefined): Promise<string> =>
      runProgram(command ?? '', [trial.otherNode ?? '']);
    let stopped = false;
    after(async () => {
      if (!stopped) return;
      await run(startNode);
      await kubectl('wait', '--for=condition=Ready', `node/${trial.otherNode}`, '--timeout=120s');
    });

    it('as by a power cut', { skip }, async (test) => {
      const node = trial.otherNode;
      if (node === undefined) return test.skip('the cluster has one node');
      const stretch = await trial.underMail(async () => {
        stopped = true;
        await run(stopNode);
        await waitUntil(
          async () => {
            const counts = { intake: 2, delivery: 3, policy: 2, monitor: 1 };
            for (const [component, count] of Object.entries(counts)) {
              const there = (await release.pods(component)).filter(
                (pod) => isReady(pod) && pod.spec.nodeName !== node,
              );
              if (there.length !== count) return false;
            }
            return true;
          },
          { withinSeconds: 180, what: 'every pod to stand on a node that is there' },
        );
      });
      check(test, stretch);
    });
  });
});
