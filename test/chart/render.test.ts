import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filesBelow, textOf } from '../architecture/source-tree.ts';
import { CHART, find, type Manifest, refusal, render } from '../support/chart.ts';
import { HELM_MAJORS, helm } from '../support/helm.ts';

const COMPONENTS = ['intake', 'delivery', 'policy', 'monitor'] as const;

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly readinessProbe?: {
    readonly httpGet?: { readonly port: string };
    readonly tcpSocket?: { readonly port: string };
  };
}
interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly terminationGracePeriodSeconds?: number;
  readonly tolerations: readonly { readonly key: string; readonly tolerationSeconds: number }[];
  readonly containers: readonly Container[];
}

const workloads = (manifests: readonly Manifest[]): readonly Manifest[] =>
  manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
const podOf = (manifest: Manifest): PodSpec =>
  (manifest.spec as { template: { spec: PodSpec } }).template.spec;
const podLabels = (manifest: Manifest): Readonly<Record<string, string>> =>
  (manifest.spec as { template: { metadata: { labels: Record<string, string> } } }).template.metadata.labels;
const selects = (
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean => Object.entries(selector).every(([name, value]) => labels[name] === value);

for (const major of HELM_MAJORS) {
  describe(`the chart, rendered by Helm ${major}`, () => {
    const manifests = render(major);

    it('passes lint, strictly', () => {
      const result = helm(major, 'lint', '--strict', CHART);
      assert.equal(result.kind, 'ok', result.kind === 'failed' ? result.message : '');
    });

    it('has every process once', () => {
      const names = workloads(manifests).map(({ metadata }) => metadata.name);
      assert.deepEqual(names.toSorted(), [
        'tdc-delivery',
        'tdc-intake',
        'tdc-monitor',
        'tdc-policy',
        'tdc-redis',
      ]);
    });

    it('is the same each time', () => {
      const stable = (all: readonly Manifest[]) =>
        JSON.stringify(all.filter(({ kind }) => kind !== 'Secret'));
      assert.equal(stable(render(major)), stable(manifests));
    });

    for (const workload of workloads(manifests)) {
      it(`${workload.metadata.name} meets the restricted Pod Security level, and asks for no rights`, () => {
        const pod = podOf(workload);
        assert.equal(pod.automountServiceAccountToken, false);
        assert.equal(pod.enableServiceLinks, false);
        assert.deepEqual(
          {
            nonRoot: pod.securityContext?.['runAsNonRoot'],
            user: pod.securityContext?.['runAsUser'],
            seccomp: pod.securityContext?.['seccompProfile'],
          },
          { nonRoot: true, user: 65532, seccomp: { type: 'RuntimeDefault' } },
        );
        for (const container of pod.containers) {
          assert.deepEqual(container.securityContext, {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
          assert.ok(
            container.resources?.requests?.['cpu'] &&
              container.resources.requests['memory'] &&
              container.resources.limits?.['memory'],
          );
        }
      });

      it(`${workload.metadata.name} selects its own pods, by labels that never change`, () => {
        const { matchLabels } = (workload.spec as { selector: { matchLabels: Record<string, string> } })
          .selector;
        assert.deepEqual(Object.keys(matchLabels).sort(), [
          'app.kubernetes.io/component',
          'app.kubernetes.io/instance',
          'app.kubernetes.io/name',
        ]);
        const selected = workloads(manifests).filter((other) => selects(matchLabels, podLabels(other)));
        assert.deepEqual(
          selected.map(({ metadata }) => metadata.name),
          [workload.metadata.name],
        );
      });
    }

    it('every Service leads to a port that its pods have', () => {
      for (const service of manifests.filter(({ kind }) => kind === 'Service')) {
        const spec = service.spec as { selector: Record<string, string>; ports: { targetPort: string }[] };
        const target = workloads(manifests).find((workload) => selects(spec.selector, podLabels(workload)));
        const ports =
          target === undefined ? [] : podOf(target).containers.flatMap((container) => container.ports ?? []);
        for (const { targetPort } of spec.ports) {
          assert.ok(
            ports.some(({ name }) => name === targetPort),
            `${service.metadata.name}: ${targetPort}`,
          );
        }
      }
    });

    it('a disruption takes one pod of each process at most, and is not asked for where there is one', () => {
      const budgets = manifests
        .filter(({ kind }) => kind === 'PodDisruptionBudget')
        .map(({ metadata }) => metadata.name);
      assert.deepEqual(budgets.toSorted(), ['tdc-delivery', 'tdc-intake', 'tdc-policy']);
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
        /redis\.existingSecret: name the Secret with the URL of your Redis, or set redis\.bundled/,
      );
    });

    it('takes the URL of a Redis of one’s own from its Secret', () => {
      const external = render(major, { redis: { bundled: false, existingSecret: 'my-redis' } });
      assert.equal(external.filter(({ kind }) => kind === 'StatefulSet').length, 0);
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
      });
      for (const { image } of workloads(mirrored).flatMap(
        (one) => podOf(one).containers as readonly (Container & { image: string })[],
      )) {
        assert.match(image, /^mirror\.example\//);
      }
      const [intake] = podOf(find(mirrored, 'Deployment', '-intake')).containers as readonly (Container & {
        image: string;
      })[];
      assert.equal(intake?.image, 'mirror.example/tdc:0.1.0@sha256:00');
    });
  });
}

describe('network policies', () => {
  interface Policy {
    readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly ingress: readonly {
      readonly from?: readonly unknown[];
      readonly ports: readonly { readonly port: number }[];
    }[];
    readonly egress: readonly {
      readonly to?: readonly unknown[];
      readonly ports: readonly { readonly port: number }[];
    }[];
  }
  const manifests = render(4, { networkPolicy: { enabled: true } });
  const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy');
  const policyOf = (component: string): Policy =>
    find(policies, 'NetworkPolicy', `-${component}`).spec as unknown as Policy;
  const open = (rules: Policy['ingress']): number[] =>
    rules.filter(({ from }) => from === undefined).flatMap(({ ports }) => ports.map(({ port }) => port));

  it('are made only when they are asked for', () => {
    assert.equal(render(4).filter(({ kind }) => kind === 'NetworkPolicy').length, 0);
  });

  it('cover every pod', () => {
    for (const workload of workloads(manifests)) {
      const covering = policies.filter(({ spec }) =>
        selects((spec as unknown as Policy).podSelector.matchLabels, podLabels(workload)),
      );
      assert.equal(covering.length, 1, workload.metadata.name);
    }
  });

  it('let everybody hand over mail, and nobody do anything else', () => {
    assert.deepEqual(open(policyOf('intake').ingress), [2525]);
    for (const component of ['delivery', 'policy', 'monitor', 'redis'])
      assert.deepEqual(open(policyOf(component).ingress), []);
  });

  it('let delivery alone reach the outside, on the ports of message intakes', () => {
    const outside = (component: string) =>
      policyOf(component)
        .egress.filter(({ to }) => to === undefined)
        .flatMap(({ ports }) => ports.map(({ port }) => port));
    assert.deepEqual(outside('delivery'), [53, 53, 25]);
    for (const component of ['intake', 'policy', 'monitor']) assert.deepEqual(outside(component), [53, 53]);
    assert.deepEqual(policyOf('redis').egress, []);
  });

  it('let those read metrics who are named', () => {
    const peers = [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }];
    const named = render(4, { networkPolicy: { enabled: true, metricsPeers: peers } });
    const { ingress } = find(named, 'NetworkPolicy', '-delivery').spec as unknown as Policy;
    assert.deepEqual(ingress, [{ from: peers, ports: [{ port: 9090, protocol: 'TCP' }] }]);
  });
});

describe('the chart and the code', () => {
  const manifests = render(4, {
    intake: { hostname: 'mx.example.com' },
    delivery: { dnsServers: ['10.0.0.1:53'] },
  });

  for (const component of COMPONENTS) {
    it(`sets variables that ${component} reads, and no others`, () => {
      const [container] = podOf(find(manifests, 'Deployment', `-${component}`)).containers;
      assert.deepEqual(container?.args, [component]);
      const set = (container?.env ?? []).map(({ name }) => name);
      const sources = [
        `services/${component}/src/config.ts`,
        ...filesBelow('services/platform/src/process', '.ts'),
      ]
        .map(textOf)
        .join('\n');
      assert.deepEqual(
        set.filter((name) => !sources.includes(`'${name}'`)),
        [],
      );
    });
  }
});
