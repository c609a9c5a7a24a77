import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { REDIS_SETTINGS } from '../../deploy/local/redis.ts';
import { CHART, find, type Manifest, refusal, render } from '../support/chart.ts';
import { HELM_MAJORS, helm } from '../support/helm.ts';
import { environmentOf, ofKind, podAnnotations, podOf, workloads } from './manifests.ts';

const namesOf = (manifests: readonly Manifest[]): readonly string[] =>
  manifests.map(({ metadata }) => metadata.name).toSorted();

for (const major of HELM_MAJORS) {
  describe(`the chart, rendered by Helm ${major}`, () => {
    const manifests = render(major);

    it('passes lint, strictly', () => {
      const result = helm(major, 'lint', '--strict', CHART);
      assert.equal(result.kind, 'ok', result.kind === 'failed' ? result.message : '');
    });

    it('has every process once', () => {
      assert.deepEqual(namesOf(workloads(manifests)), [
        'tdc-delivery',
        'tdc-intake',
        'tdc-monitor',
        'tdc-policy',
        'tdc-redis',
      ]);
    });

    it('a disruption takes one pod of each process at most, and is not asked for where there is one', () => {
      const budgets = ofKind(manifests, 'PodDisruptionBudget');
      assert.deepEqual(namesOf(budgets), ['tdc-delivery', 'tdc-intake', 'tdc-policy']);
      const single = render(major, {
        intake: { replicas: 1 },
        policy: { podDisruptionBudget: { enabled: false } },
        delivery: { autoscaling: { mode: 'keda-metrics-api', minReplicas: 1 } },
      });
      assert.deepEqual(namesOf(ofKind(single, 'PodDisruptionBudget')), []);
    });

    it('pods of a lost node are made elsewhere within a copy’s life', () => {
      for (const workload of workloads(manifests)) {
        const lost = podOf(workload).tolerations.map(({ key, tolerationSeconds }) => [
          key,
          tolerationSeconds,
        ]);
        assert.deepEqual(
          lost,
          [
            ['node.kubernetes.io/not-ready', 15],
            ['node.kubernetes.io/unreachable', 15],
          ],
          workload.metadata.name,
        );
      }
    });

    it('delivery is given up before a copy’s life is over', () => {
      const grace = podOf(find(manifests, 'Deployment', '-delivery')).terminationGracePeriodSeconds ?? 0;
      assert.ok(grace > 0 && grace < 120);
    });

    it('refuses to run without any Redis, and says what to set', () => {
      assert.match(
        refusal(major, { redis: { bundled: false } }),
        /externalRedis\.nodes: name your Redis, host:port, or set redis\.bundled/,
      );
    });

    it('gives its Redis what npm start and the benchmark give theirs', () => {
      const [{ args = [] } = {}] = podOf(find(manifests, 'StatefulSet', '-redis')).containers;
      for (let at = 0; at < REDIS_SETTINGS.length; at += 2) {
        const [name = '', value] = REDIS_SETTINGS.slice(at, at + 2);
        assert.equal(args[args.indexOf(name) + 1], value, name);
      }
    });

    it('takes the URL of a Redis of one’s own from its Secret', () => {
      const external = render(major, {
        redis: { bundled: false },
        externalRedis: { existingSecret: 'my-redis', existingSecretUrlKey: 'url' },
      });
      assert.deepEqual(ofKind(external, 'StatefulSet'), []);
      const [container] = podOf(find(external, 'Deployment', '-intake')).containers;
      assert.deepEqual(
        container?.env?.find(({ name }) => name === 'TDC_REDIS_URL'),
        {
          name: 'TDC_REDIS_URL',
          valueFrom: { secretKeyRef: { name: 'my-redis', key: 'url' } },
        },
      );
    });

    it('pulls every image through a mirror, by digest where one is given', () => {
      const mirrored = render(major, {
        global: { imageRegistry: 'mirror.example' },
        image: { digest: 'sha256:00' },
        standIn: { enabled: true },
      });
      const pods = [...workloads(mirrored), ...ofKind(mirrored, 'Pod')].map(podOf);
      for (const { image } of pods.flatMap(({ containers }) => containers)) {
        assert.match(image, /^mirror\.example\//);
      }
      const [intake] = podOf(find(mirrored, 'Deployment', '-intake')).containers;
      assert.equal(intake?.image, 'mirror.example/tdc:0.1.0@sha256:00');
    });

    it('null takes a user away, for platforms that give one', () => {
      const given = render(major, { podSecurityContext: { runAsUser: null, fsGroup: null } });
      assert.deepEqual(
        Object.keys(podOf(find(given, 'Deployment', '-intake')).securityContext ?? {}).sort(),
        ['runAsGroup', 'runAsNonRoot', 'seccompProfile'],
      );
    });
  });
}

/** Helm 3 asks a cluster even for a dry run. */
describe('the notes', () => {
  it('says where to send mail, and what to look at', () => {
    const result = helm(4, 'install', 'tdc', CHART, '--dry-run=client', '--namespace', 'mail');
    assert.equal(result.kind, 'ok', result.kind === 'failed' ? result.message : '');
    const notes = result.kind === 'ok' ? (result.output.split('NOTES:')[1] ?? '') : '';
    for (const wanted of [
      /tdc-intake\.mail\.svc:25\n/,
      /Delivery has 2 pods and no autoscaler/,
      /Redis is the bundled one/,
      /names no intake of yours: no message is copied until it does\./,
      /tests nothing: name an intake under tests\.canaryIntake/,
      /STARTTLS is the chart's own, which nobody trusts/,
      /plain text among themselves: tls\.grpc\.mode, and networkPolicy\.enabled\./,
      /block port 25/,
    ]) {
      assert.match(notes, wanted);
    }
  });
});

describe('metrics', () => {
  const scraped = (values: unknown) =>
    workloads(render(4, { metrics: values })).map((one) => [
      one.metadata.name,
      podAnnotations(one)['prometheus.io/scrape'] ?? 'no',
    ]);

  it('are announced by annotations where there is no operator, on every process of ours', () => {
    assert.deepEqual(scraped({}), [
      ['tdc-delivery', 'true'],
      ['tdc-intake', 'true'],
      ['tdc-monitor', 'true'],
      ['tdc-policy', 'true'],
      ['tdc-redis', 'no'],
    ]);
  });

  for (const kind of ['podMonitor', 'serviceMonitor']) {
    it(`are not announced so beside a ${kind}, which would count everything twice`, () => {
      assert.ok(scraped({ [kind]: { enabled: true } }).every(([, scrape]) => scrape === 'no'));
    });
  }
});

describe('a policy service outside of the release', () => {
  const manifests = render(4, { policy: { address: 'policy.mail-policy.svc:50051' } });

  it('leaves nothing of policy in it', () => {
    const component = 'app.kubernetes.io/component';
    assert.deepEqual(
      manifests.filter(({ metadata }) => metadata.labels?.[component] === 'policy'),
      [],
    );
  });

  it('is asked by all who ask', () => {
    for (const name of ['intake', 'delivery', 'monitor']) {
      const [container] = podOf(find(manifests, 'Deployment', `-${name}`)).containers;
      assert.equal(environmentOf(container)['TDC_POLICY_ADDRESS'], 'policy.mail-policy.svc:50051');
    }
  });
});
