import { after, before, describe, it } from 'node:test';
import { assertStretch } from '../support/cluster/outcomes.ts';
import { noCluster, useTrial } from '../support/cluster/use-trial.ts';
import { type SentinelGround, startSentinelGround } from '../support/redis-sentinel.ts';
import { waitUntil } from '../support/wait-until.ts';

const NAMESPACE = 'tdc-sentinel';

describe('a Redis of one’s own behind Sentinels', { skip: noCluster }, () => {
  const trial = useTrial(NAMESPACE, {}, { install: false });
  const { release } = trial;
  const host = trial.cluster?.hostAddress;
  const skip =
    host === undefined
      ? 'TDC_TEST_HOST_ADDRESS is to name an address of this machine that pods reach'
      : false;
  let ground: SentinelGround | undefined;
  before(async () => {
    if (host === undefined) return;
    ground = await startSentinelGround({ host, config: ['appendonly yes', 'appendfsync everysec'] });
    const nodes = ground.settings.sentinels.map((one) => `${one.host}:${one.port}`);
    const ports = [...ground.nodes, ...ground.sentinels].map(({ port }) => ({ port, protocol: 'TCP' }));
    await release.deploy(
      trial.values({
        redis: { bundled: false },
        externalRedis: { mode: 'sentinel', nodes, sentinel: { masterName: ground.settings.master } },
        networkPolicy: { redisPeers: [{ ipBlock: { cidr: `${host}/32` } }], redisPorts: ports },
      }),
    );
  });
  after(() => ground?.remove());

  const deliveredAgain = async (): Promise<void> => {
    const { delivered } = await release.account();
    await waitUntil(async () => (await release.account()).delivered > delivered, {
      withinSeconds: 90,
      what: 'copies to be delivered again',
    });
  };

  for (const [what, happen] of [
    ['a planned failover', (one: SentinelGround) => one.failover()],
    [
      'the primary is killed',
      async (one: SentinelGround) => {
        await one.whole();
        const old = one.primary();
        await old.stop('SIGKILL');
        await waitUntil(() => one.primary() !== old, { withinSeconds: 30, what: 'another primary' });
        await old.start();
      },
    ],
  ] as const) {
    it(`in mid-traffic: ${what}`, { skip }, async (test) => {
      const stretch = await trial.underMail(async () => {
        await deliveredAgain();
        await happen(ground as SentinelGround);
        await deliveredAgain();
      });
      assertStretch(test, stretch, { doubles: true });
    });
  }
});
