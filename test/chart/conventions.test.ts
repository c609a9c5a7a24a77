import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHART, type Manifest, render } from '../support/chart.ts';
import { HELM_MAJORS, helm } from '../support/helm.ts';
import {
  type Container,
  MODES,
  ofKind,
  podLabels,
  podOf,
  renderMode,
  selects,
  workloads,
} from './manifests.ts';

const OWN_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};
const RECOMMENDED = ['name', 'instance', 'component', 'version', 'part-of', 'managed-by'].map(
  (name) => `app.kubernetes.io/${name}`,
);
/** What the user's own values put into a pod is theirs. */
const FOREIGN = ['init', 'sidecar'];

const pods = (manifests: readonly Manifest[]) => [...workloads(manifests), ...ofKind(manifests, 'Pod')];
const containersOf = (manifest: Manifest): readonly Container[] =>
  podOf(manifest).containers.filter(({ name }) => !FOREIGN.includes(name));
const selectorOf = (manifest: Manifest): Readonly<Record<string, string>> =>
  (manifest.spec as { selector: { matchLabels: Record<string, string> } }).selector.matchLabels;
const targetsOf = (manifests: readonly Manifest[], selector: Readonly<Record<string, string>>) =>
  workloads(manifests).filter((workload) => selects(selector, podLabels(workload)));
/** Everything in an object that is a text, with its path. */
const texts = (value: unknown, path = ''): readonly (readonly [string, string])[] =>
  typeof value === 'string'
    ? [[path, value]]
    : typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, one]) => texts(one, `${path}.${key}`))
      : [];

for (const mode of MODES) {
  describe(`the chart in mode ${mode.name}`, () => {
    const manifests = renderMode(4, mode);

    it('is the same from both Helms, and each time, but for the certificates that it makes', () => {
      const stable = (all: readonly Manifest[]) => {
        const kept = all.filter(({ kind }) => kind !== 'Secret');
        return kept.map((one) => JSON.stringify(one)).sort();
      };
      assert.deepEqual(stable(render(4, mode.values)), stable(manifests));
      assert.deepEqual(stable(renderMode(3, mode)), stable(manifests));
    });

    it('has no object twice', () => {
      const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      assert.deepEqual(names, [...new Set(names)]);
    });

    it('labels every object as all Kubernetes does', () => {
      for (const { kind, metadata } of manifests) {
        if (metadata.name.endsWith('-extra')) continue;
        const missing = RECOMMENDED.filter((name) => metadata.labels?.[name] === undefined);
        assert.deepEqual(missing, [], `${kind} ${metadata.name}`);
      }
    });

    it('meets the restricted Pod Security level, asks for no rights, and says what it uses', () => {
      for (const manifest of pods(manifests)) {
        const pod = podOf(manifest);
        const { name } = manifest.metadata;
        assert.deepEqual([pod.automountServiceAccountToken, pod.enableServiceLinks], [false, false], name);
        assert.equal(pod.securityContext?.['runAsNonRoot'], true, name);
        assert.deepEqual(pod.securityContext?.['seccompProfile'], { type: 'RuntimeDefault' }, name);
        for (const container of containersOf(manifest)) {
          assert.deepEqual(container.securityContext, OWN_CONTAINER, name);
          const { requests, limits } = container.resources ?? {};
          assert.ok(requests?.['cpu'] && requests['memory'] && limits?.['memory'], name);
          assert.match(container.image, /:[^:]+$/, name);
        }
      }
    });

    it('selects the pods of each workload by labels that never change', () => {
      for (const workload of workloads(manifests)) {
        const selector = selectorOf(workload);
        assert.deepEqual(
          Object.keys(selector).sort(),
          ['component', 'instance', 'name'].map((name) => `app.kubernetes.io/${name}`),
        );
        assert.deepEqual(targetsOf(manifests, selector), [workload]);
      }
    });

    it('has a service account for each pod that names one', () => {
      const accounts = ofKind(manifests, 'ServiceAccount').map(({ metadata }) => metadata.name);
      for (const manifest of pods(manifests)) {
        const { serviceAccountName } = podOf(manifest);
        assert.ok([...accounts, 'default'].includes(serviceAccountName), serviceAccountName);
      }
    });

    it('leads every Service, and every probe, to a port that is there', () => {
      for (const service of ofKind(manifests, 'Service')) {
        const spec = service.spec as { selector: Record<string, string>; ports: { targetPort: string }[] };
        const there = targetsOf(manifests, spec.selector).flatMap(containersOf);
        for (const { targetPort } of spec.ports) {
          const found = there.some(({ ports = [] }) => ports.some(({ name }) => name === targetPort));
          assert.ok(found, `${service.metadata.name}: ${targetPort}`);
        }
      }
      for (const { name, ports = [], ...probes } of workloads(manifests).flatMap(containersOf)) {
        for (const probe of [probes.readinessProbe, probes.livenessProbe, probes.startupProbe]) {
          if (probe === undefined) continue;
          const port = probe.httpGet?.port ?? probe.tcpSocket?.port;
          assert.ok(
            ports.some((one) => one.name === port),
            `${name}: ${port}`,
          );
        }
        const numbers = ports.map(({ containerPort }) => containerPort);
        assert.deepEqual(numbers, [...new Set(numbers)], name);
      }
    });

    it('mounts volumes that are there, as folders, which the kubelet renews', () => {
      for (const manifest of pods(manifests)) {
        const claims = (manifest.spec as { volumeClaimTemplates?: Manifest[] }).volumeClaimTemplates ?? [];
        const { volumes = [] } = podOf(manifest);
        const there = [...volumes.map(({ name }) => name), ...claims.map(({ metadata }) => metadata.name)];
        for (const { name, subPath } of containersOf(manifest).flatMap(
          ({ volumeMounts = [] }) => volumeMounts,
        )) {
          assert.ok(there.includes(name), `${manifest.metadata.name}: ${name}`);
          assert.equal(subPath, undefined);
        }
        assert.deepEqual(there, [...new Set(there)]);
      }
    });

    it('leaves the number of pods to the autoscaler where there is one, and its target is there', () => {
      const scalers = [...ofKind(manifests, 'ScaledObject'), ...ofKind(manifests, 'HorizontalPodAutoscaler')];
      const targets = scalers.map(
        ({ spec }) => (spec as { scaleTargetRef: { name: string } }).scaleTargetRef.name,
      );
      for (const { metadata, spec } of workloads(manifests)) {
        assert.equal(spec?.['replicas'] === undefined, targets.includes(metadata.name), metadata.name);
      }
      assert.ok(targets.every((name) => workloads(manifests).some(({ metadata }) => metadata.name === name)));
    });

    it('keeps every disruption budget below the pods that there are', () => {
      for (const { spec, metadata } of ofKind(manifests, 'PodDisruptionBudget')) {
        const { selector, maxUnavailable, unhealthyPodEvictionPolicy } = spec as {
          selector: { matchLabels: Record<string, string> };
          maxUnavailable: number | string;
          unhealthyPodEvictionPolicy: string;
        };
        const [target] = targetsOf(manifests, selector.matchLabels);
        const replicas = Number(target?.spec?.['replicas'] ?? 2);
        assert.ok(
          replicas > 1 && (typeof maxUnavailable === 'string' || maxUnavailable < replicas),
          metadata.name,
        );
        assert.equal(unhealthyPodEvictionPolicy, 'AlwaysAllow');
      }
    });

    it('puts secrets into Secrets alone', () => {
      for (const manifest of manifests.filter(({ kind }) => kind !== 'Secret')) {
        for (const [path, text] of texts(manifest)) assert.doesNotMatch(text, /PRIVATE KEY/, path);
      }
      for (const { name, value } of pods(manifests)
        .flatMap(containersOf)
        .flatMap(({ env = [] }) => env)) {
        if (/PASSWORD|KEY|SECRET|TOKEN/.test(name) && !/_FILE$|KEY_PREFIX$/.test(name))
          assert.equal(value, undefined, name);
        assert.doesNotMatch(value ?? '', /:\/\/[^/]*:[^/]*@/, name);
      }
    });

    for (const major of HELM_MAJORS) {
      it(`passes lint of Helm ${major}, strictly`, () => {
        const result = helm(
          major,
          'lint',
          '--strict',
          CHART,
          '--values',
          `${CHART}/ci/${mode.name}-values.yaml`,
        );
        assert.equal(result.kind, 'ok', result.kind === 'failed' ? result.message : '');
      });
    }
  });
}
