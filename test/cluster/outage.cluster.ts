import { after, describe, it, type TestContext } from 'node:test';
import { kubectl, runProgram } from '../support/cluster/kubectl.ts';
import { isReady } from '../support/cluster/namespace.ts';
import { assertStretch } from '../support/cluster/outcomes.ts';
import { noCluster, type Stretch, useTrial } from '../support/cluster/use-trial.ts';
import { waitUntil } from '../support/wait-until.ts';

const NAMESPACE = 'tdc-outage';

describe('after an outage every accepted message has one outcome', { skip: noCluster }, () => {
  const trial = useTrial(NAMESPACE, { redis: { appendfsync: 'always' }, delivery: { replicas: 3 } });
  const { release } = trial;

  const check = (test: TestContext, stretch: Stretch): void =>
    assertStretch(test, stretch, { doubles: true });

  it('when Redis is killed', async (test) => {
    const pod = 'tdc-redis-0';
    const stretch = await trial.underMail(async () => {
      const old = await release.uids('redis');
      await kubectl('--namespace', NAMESPACE, 'delete', 'pod', pod, '--grace-period=0', '--force');
      await release.gone('redis', old);
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
