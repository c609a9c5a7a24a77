import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { find, render } from '../support/chart.ts';
import { environmentOf, MODES, ofKind, podAnnotations, podLabels, podOf, renderMode } from './manifests.ts';

const mode = MODES.find(({ name }) => name === 'openshift') ?? assert.fail('there is no mode openshift');

describe('what a platform asks of a pod', () => {
  const manifests = renderMode(4, mode);
  const intake = find(manifests, 'Deployment', '-intake');
  const pod = podOf(intake) as ReturnType<typeof podOf> & Readonly<Record<string, unknown>>;
  const [container] = pod.containers;

  it('is in the pod that asks for it', () => {
    assert.deepEqual(
      {
        hostUsers: pod.hostUsers,
        runtimeClassName: pod['runtimeClassName'],
        priorityClassName: pod['priorityClassName'],
        nodeSelector: pod['nodeSelector'],
        imagePullSecrets: pod['imagePullSecrets'],
        serviceAccountName: pod.serviceAccountName,
        tolerated: pod.tolerations.map(({ key }) => key),
        spread: (pod['topologySpreadConstraints'] as { whenUnsatisfiable: string }[]).map(
          ({ whenUnsatisfiable }) => whenUnsatisfiable,
        ),
        containers: [...(pod.initContainers ?? []), ...pod.containers].map(({ name }) => name),
        volumes: pod.volumes?.map(({ name }) => name),
      },
      {
        hostUsers: false,
        runtimeClassName: 'gvisor',
        priorityClassName: 'mail',
        nodeSelector: { disk: 'ssd' },
        imagePullSecrets: [{ name: 'mirror' }],
        serviceAccountName: 'mail-intake',
        tolerated: ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable', 'mail'],
        spread: ['DoNotSchedule'],
        containers: ['init', 'intake', 'sidecar'],
        volumes: ['state', 'tmp', 'tls', 'extra'],
      },
    );
    assert.equal(podAnnotations(intake)['example.com/a'], 'b');
    assert.equal(podLabels(intake)['example.com/egress'], 'fixed');
    assert.equal(environmentOf(container)['TZ'], 'Europe/Berlin');
  });

  it('is not in any other', () => {
    const other = podOf(find(manifests, 'Deployment', '-delivery')) as typeof pod;
    assert.deepEqual(
      [other.hostUsers, other['runtimeClassName'], other['nodeSelector'], other.containers.length],
      [undefined, undefined, undefined, 1],
    );
  });

  it('has its accounts made, named, or left to the namespace', () => {
    const accounts = ofKind(manifests, 'ServiceAccount').map(({ metadata }) => metadata.name);
    assert.deepEqual(accounts.toSorted(), ['mail-intake', 'tdc-delivery', 'tdc-policy', 'tdc-redis']);
    assert.equal(podOf(find(manifests, 'Deployment', '-monitor')).serviceAccountName, 'default');
  });

  it('can be told once for all and again for one', () => {
    const changed = render(4, {
      podSecurityContext: { fsGroup: 1000 },
      policy: { podSecurityContext: { fsGroup: 2000 } },
    });
    const groupOf = (name: string) => podOf(find(changed, 'Deployment', name)).securityContext?.['fsGroup'];
    assert.deepEqual([groupOf('-intake'), groupOf('-policy')], [1000, 2000]);
  });

  it('leaves Node.js half of the memory limit for its heap, and keeps the young part of it small', () => {
    for (const name of ['-intake', '-delivery', '-policy', '-monitor']) {
      const [one] = podOf(find(manifests, 'Deployment', name)).containers;
      assert.equal(
        environmentOf(one)['NODE_OPTIONS'],
        '--max-old-space-size-percentage=50 --max-semi-space-size=32',
      );
    }
  });

  it('updates with rollingUpdate, or with Recreate and nothing beside it', () => {
    const strategyOf = (name: string) => find(manifests, 'Deployment', name).spec?.['strategy'];
    assert.deepEqual(strategyOf('-monitor'), { type: 'Recreate' });
    assert.deepEqual(strategyOf('-intake'), {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 0, maxSurge: '25%' },
    });
  });
});
