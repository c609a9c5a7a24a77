import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRedisKeys } from '@tdc/platform';
import { find, type Manifest, render } from '../support/chart.ts';
import { MODES, ofKind, renderMode } from './manifests.ts';

interface Trigger {
  readonly type: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly authenticationRef?: { readonly name: string };
}
interface ScaledObject {
  readonly triggers: readonly Trigger[];
  readonly fallback: { readonly replicas: number };
  readonly minReplicaCount: number;
  readonly maxReplicaCount: number;
}

const modeOf = (name: string) => MODES.find((mode) => mode.name === name) ?? assert.fail(name);
const scaledObject = (manifests: readonly Manifest[]): ScaledObject =>
  find(manifests, 'ScaledObject', '-delivery').spec as unknown as ScaledObject;
const triggersOf = (values: object): readonly Trigger[] => scaledObject(render(4, values)).triggers;
const byRedis = (redis: object): readonly Trigger[] =>
  triggersOf({ ...redis, delivery: { autoscaling: { mode: 'keda-redis' } } });

describe('the autoscaler of delivery', () => {
  it('is none, unless it is asked for', () => {
    const manifests = render(4);
    for (const kind of ['ScaledObject', 'HorizontalPodAutoscaler', 'TriggerAuthentication'])
      assert.deepEqual(ofKind(manifests, kind), []);
  });

  it('asks the monitor for the demand, and aims at 70 % of what a pod attempts', () => {
    const [trigger, ...others] = triggersOf({ delivery: { autoscaling: { mode: 'keda-metrics-api' } } });
    assert.deepEqual(others, []);
    assert.deepEqual(trigger?.metadata, {
      url: 'http://tdc-monitor.mail.svc:9090/scaling',
      valueLocation: 'demand',
      targetValue: '35',
    });
  });

  it('calls, when the signal is away, as many pods as the peak keeps busy', () => {
    assert.equal(scaledObject(renderMode(4, modeOf('keda'))).fallback.replicas, 6);
    const least = render(4, { delivery: { autoscaling: { mode: 'keda-metrics-api', minReplicas: 4 } } });
    assert.equal(scaledObject(least).fallback.replicas, 4);
  });

  it('counts in Redis the copies without an outcome, by the key of the ledger', () => {
    const manifests = render(4, { delivery: { autoscaling: { mode: 'keda-redis' } } });
    const { triggers } = scaledObject(manifests);
    assert.deepEqual(
      triggers.map(({ metadata }) => [metadata['listName'], metadata['listLength']]),
      [[createRedisKeys().active, '35']],
    );
  });

  const nodes = ['a:6379', 'b:6379'];
  const PLACES: readonly (readonly [name: string, redis: object, type: string, metadata: object])[] = [
    ['the bundled one', {}, 'redis', { address: 'tdc-redis.mail.svc:6379' }],
    [
      'a single server, over TLS with public authorities',
      {
        redis: { bundled: false },
        externalRedis: { nodes: ['a:6380'], database: 2, username: 'tdc', tls: { enabled: true } },
      },
      'redis',
      { address: 'a:6380', databaseIndex: '2', username: 'tdc', enableTLS: 'true' },
    ],
    [
      'Sentinels',
      {
        redis: { bundled: false },
        externalRedis: { mode: 'sentinel', nodes, sentinel: { masterName: 'm', username: 's' } },
      },
      'redis-sentinel',
      { addresses: 'a:6379,b:6379', sentinelMaster: 'm', sentinelUsername: 's', databaseIndex: '0' },
    ],
    [
      'a Cluster',
      { redis: { bundled: false }, externalRedis: { mode: 'cluster', nodes } },
      'redis-cluster',
      { addresses: 'a:6379,b:6379' },
    ],
  ];
  for (const [name, redis, type, metadata] of PLACES) {
    it(`finds ${name}`, () => {
      const [trigger] = byRedis(redis);
      const { listName: _name, listLength: _length, ...place } = trigger?.metadata ?? {};
      assert.deepEqual([trigger?.type, place, trigger?.authenticationRef], [type, metadata, undefined]);
    });
  }

  it('is given the passwords and certificates of the processes', () => {
    const manifests = renderMode(4, modeOf('keda-redis'));
    const { secretTargetRef, configMapTargetRef } = find(manifests, 'TriggerAuthentication', '-redis')
      .spec as {
      secretTargetRef: { parameter: string; name: string; key: string }[];
      configMapTargetRef: { parameter: string; name: string; key: string }[];
    };
    assert.deepEqual(
      secretTargetRef.map(({ parameter, name, key }) => [parameter, name, key]),
      [
        ['password', 'tdc-redis', 'password'],
        ['sentinelPassword', 'tdc-sentinel', 'password'],
        ['ca', 'tdc-redis-tls', 'ca.crt'],
        ['cert', 'tdc-redis-tls', 'tls.crt'],
        ['key', 'tdc-redis-tls', 'tls.key'],
      ],
    );
    const [tls] = configMapTargetRef;
    assert.ok(tls !== undefined);
    assert.equal(find(manifests, 'ConfigMap', tls.name).data?.[tls.key], 'enable');
    for (const { authenticationRef, metadata } of scaledObject(manifests).triggers) {
      assert.deepEqual(authenticationRef, { name: 'tdc-delivery-redis' });
      // KEDA does not take both.
      assert.equal(metadata['enableTLS'], undefined);
    }
  });

  it('takes an empty answer of Prometheus for a failure, not for an empty queue', () => {
    const [trigger] = scaledObject(renderMode(4, modeOf('keda-prometheus'))).triggers;
    assert.equal(trigger?.metadata['ignoreNullValues'], 'false');
    assert.equal(trigger.metadata['query'], 'max(tdc_queue_demand{namespace="mail"})');
  });

  it('says by annotations what KEDA is to leave alone', () => {
    const values = { mode: 'keda-metrics-api', paused: true, pausedReplicas: 4, transferHpaOwnership: true };
    const { metadata } = find(render(4, { delivery: { autoscaling: values } }), 'ScaledObject', '-delivery');
    assert.deepEqual((metadata as { annotations?: unknown }).annotations, {
      'autoscaling.keda.sh/paused': 'true',
      'autoscaling.keda.sh/paused-replicas': '4',
      'scaledobject.keda.sh/transfer-hpa-ownership': 'true',
    });
  });
});
