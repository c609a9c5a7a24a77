import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { getInPod, kubectl } from '../support/cluster/kubectl.ts';
import { assertStretch } from '../support/cluster/outcomes.ts';
import { noCluster, useTrial } from '../support/cluster/use-trial.ts';
import { waitUntil } from '../support/wait-until.ts';

const NAMESPACE = 'tdc-scaling';
const CEILING = 6;
const MOST_PODS = 4;

interface Scaling {
  readonly demand: number;
}

describe('KEDA scales delivery with the queue', { skip: noCluster }, () => {
  let hasKeda = false;
  const trial = useTrial(
    NAMESPACE,
    {
      delivery: {
        autoscaling: {
          mode: 'keda-metrics-api',
          minReplicas: 1,
          maxReplicas: MOST_PODS,
          targetCopiesPerPod: 20,
          // Down within seconds, where an installation waits for minutes.
          behavior: {
            scaleDown: {
              stabilizationWindowSeconds: 15,
              policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
            },
          },
        },
      },
    },
    { install: false },
  );
  const { release } = trial;
  before(async () => {
    const known = await kubectl('get', 'crd', 'scaledobjects.keda.sh', '--ignore-not-found');
    hasKeda = known !== '';
    if (!hasKeda) return;
    const limited = { ...trial.intake.setting, limits: { connections: CEILING } };
    await release.deploy(trial.values({ policy: { document: { intakes: { primary: limited } } } }));
  });

  it('out with a backlog and back in when it is gone, under the connection ceiling, and nothing expires', async (test) => {
    if (!hasKeda) return test.skip('the cluster has no KEDA');
    await release.ready('delivery', 1);
    // A slow intake: half a second for each message.
    await trial.intake.script({ always: { 'final-dot': { delayMs: 500 } } });
    let mostDemand = 0;
    const stretch = await trial.underMail(async () => {
      await waitUntil(
        async () => {
          const told = await getInPod(NAMESPACE, 'deploy/tdc-monitor', 'http://127.0.0.1:9090/scaling');
          mostDemand = Math.max(mostDemand, (JSON.parse(told) as Scaling).demand);
          return (await release.pods('delivery')).length === MOST_PODS;
        },
        { withinSeconds: 120, what: `${MOST_PODS} pods of delivery` },
      );
    }, 25);
    const { mostOpen } = await trial.intake.connections();
    test.diagnostic(`most demand ${mostDemand}, most connections ${mostOpen}`);
    assertStretch(test, stretch);
    const { copies, account } = stretch;
    assert.equal(account.delivered, copies.length);
    assert.equal(account.hardBounced, 0, 'a copy was given up');
    assert.ok(mostOpen <= CEILING, `${mostOpen} connections were open at once`);
    await release.ready('delivery', 1, 180);
  });
});
