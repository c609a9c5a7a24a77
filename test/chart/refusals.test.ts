import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { refusal, render } from '../support/chart.ts';
import { HELM_MAJORS } from '../support/helm.ts';

type Values = Readonly<Record<string, unknown>>;

const external = (values: Values = {}): Values => ({
  redis: { bundled: false },
  externalRedis: { nodes: ['redis:6379'], ...values },
});
const proxy = (values: Values): Values => ({ intake: { proxyProtocol: { enabled: true, ...values } } });
const scaled = (autoscaling: Values, load: Values = {}, more: Values = {}): Values => ({
  delivery: { autoscaling: { mode: 'keda-metrics-api', ...autoscaling }, load, ...more },
});
const PEAK = { peakMessagesPerSecond: 1000 };

/** Values that each make sense and cannot work together, and the line that says which and why. */
const REFUSED: readonly (readonly [name: string, values: Values, line: string])[] = [
  [
    'no Redis at all',
    { redis: { bundled: false } },
    'externalRedis.nodes: name your Redis, host:port, or set redis.bundled for a trial',
  ],
  [
    'a Redis that nobody would use',
    { externalRedis: { nodes: ['redis:6379'] } },
    'externalRedis.nodes: nobody would use them, as long as redis.bundled is true',
  ],
  [
    'two places of Redis',
    external({ existingSecret: 'a', existingSecretUrlKey: 'url' }),
    'externalRedis.existingSecretUrlKey: a URL says where Redis is, and externalRedis.nodes does, too; give one of them',
  ],
  [
    'a key of no Secret',
    external({ nodes: [], existingSecretUrlKey: 'url' }),
    'externalRedis.existingSecret: name the Secret that has the key of externalRedis.existingSecretUrlKey',
  ],
  [
    'a URL for Sentinels',
    external({
      nodes: [],
      mode: 'sentinel',
      existingSecret: 'a',
      existingSecretUrlKey: 'url',
      sentinel: { masterName: 'm' },
    }),
    'externalRedis.existingSecretUrlKey: a URL is for a single server; list externalRedis.nodes for sentinel',
  ],
  [
    'several servers that are each alone',
    external({ nodes: ['a:6379', 'b:6379'] }),
    'externalRedis.nodes: a standalone Redis is one node; set externalRedis.mode to sentinel or cluster for several',
  ],
  [
    'Sentinels without a master',
    external({ mode: 'sentinel' }),
    'externalRedis.sentinel.masterName: name the master that the sentinels watch',
  ],
  [
    'a database of a cluster',
    external({ mode: 'cluster', database: 3 }),
    'externalRedis.database: a cluster has none but 0',
  ],
  [
    'a certificate without its key',
    external({ tls: { enabled: true, existingSecret: 'a', certKey: 'tls.crt' } }),
    'externalRedis.tls.certKey: a client certificate needs both certKey and keyKey',
  ],
  [
    'certificates without TLS',
    external({ tls: { existingSecret: 'a' } }),
    'externalRedis.tls.enabled: a Secret is named under externalRedis.tls, and TLS is off',
  ],
  [
    'a certificate for STARTTLS that is in no Secret',
    { tls: { smtp: { mode: 'existingSecret' } } },
    'tls.smtp.existingSecret: name a Secret of type kubernetes.io/tls',
  ],
  [
    'a Secret that nobody would look at',
    { tls: { smtp: { existingSecret: 'mx' } } },
    'tls.smtp.mode: a Secret is named, so it must be existingSecret; it is selfSigned',
  ],
  [
    'a certificate for gRPC that is in no Secret',
    { tls: { grpc: { mode: 'existingSecret' } } },
    'tls.grpc.existingSecret: name a Secret of type kubernetes.io/tls with ca.crt',
  ],
  [
    'a process without a certificate of its own',
    {
      tls: {
        grpc: { mode: 'existingSecret', existingSecrets: { intake: 'a', delivery: 'b', monitor: 'c' } },
      },
    },
    'tls.grpc.existingSecrets.policy: name its Secret, or one for all under tls.grpc.existingSecret',
  ],
  ...['smtp', 'grpc'].map((use): readonly [string, Values, string] => [
    `cert-manager without an issuer for ${use}`,
    { tls: { [use]: { mode: 'certManager' } } },
    `tls.${use}.issuerRef.name: name the issuer of cert-manager`,
  ]),
  [
    'PROXY headers from anybody',
    proxy({}),
    'intake.proxyProtocol.trustedCIDRs: list the addresses of your proxies; whoever may send a PROXY header may name any client',
  ],
  [
    'PROXY headers from everybody',
    proxy({ trustedCIDRs: ['10.0.0.0/8', '::/0'] }),
    'intake.proxyProtocol.trustedCIDRs: ::/0 is everybody, who could then name any client',
  ],
  [
    'traffic from outside to a ClusterIP',
    { intake: { service: { externalTrafficPolicy: 'Local' } } },
    'intake.service.externalTrafficPolicy: a ClusterIP has no traffic from outside; set intake.service.type to LoadBalancer or NodePort',
  ],
  [
    'the same of the proxies’ Service',
    proxy({ trustedCIDRs: ['10.0.0.0/8'], service: { externalTrafficPolicy: 'Local' } }),
    'intake.proxyProtocol.service.externalTrafficPolicy: a ClusterIP has no traffic from outside; set intake.proxyProtocol.service.type to LoadBalancer or NodePort',
  ],
  [
    'a node port of a ClusterIP',
    { intake: { service: { nodePort: 30025 } } },
    'intake.service.nodePort: a ClusterIP has none',
  ],
  [
    'a health check of no load balancer',
    { intake: { service: { type: 'LoadBalancer', healthCheckNodePort: 32001 } } },
    'intake.service.healthCheckNodePort: only for a LoadBalancer with externalTrafficPolicy Local',
  ],
  ...['loadBalancerClass', 'loadBalancerSourceRanges'].map((key): readonly [string, Values, string] => [
    `${key} of no load balancer`,
    {
      intake: { service: { type: 'NodePort', [key]: key === 'loadBalancerClass' ? 'a/b' : ['10.0.0.0/8'] } },
    },
    `intake.service.${key}: only for type LoadBalancer`,
  ]),
  [
    'a route from nowhere',
    { intake: { gateway: { enabled: true } } },
    'intake.gateway.parentRefs: name the Gateway, and its listener as sectionName',
  ],
  [
    'a route to a listener that is not there',
    { intake: { gateway: { enabled: true, parentRefs: [{ name: 'a' }], proxyProtocol: true } } },
    'intake.gateway.proxyProtocol: needs intake.proxyProtocol.enabled',
  ],
  [
    'two monitors',
    { metrics: { podMonitor: { enabled: true }, serviceMonitor: { enabled: true } } },
    'metrics.serviceMonitor.enabled: metrics.podMonitor is enabled, too, and everything would be scraped twice',
  ],
  [
    'intakes by name without a name',
    { networkPolicy: { enabled: true, flavour: 'cilium' } },
    'networkPolicy.cilium.intakeHosts: list the hosts of your message intakes, those that the MX records name',
  ],
  [
    'more copies per pod than it takes',
    { delivery: { copiesPerPod: 501 } },
    'delivery.copiesPerPod: a pod has 500 copies in hand at most (delivery.maxJobs)',
  ],
  [
    'too few pods without an autoscaler',
    { delivery: { load: PEAK } },
    'delivery.replicas: a peak of 1000 messages/s with attempts of 1.5 s and 50 copies per pod keeps 30 pods busy, and without an autoscaler that many must be there; it is 2',
  ],
  [
    'a floor that is too low',
    scaled({ maxReplicas: 50 }, PEAK),
    'delivery.autoscaling.minReplicas: a peak of 1000 messages/s with attempts of 1.5 s and 50 copies per pod needs 15 pods that are always there, since new ones take 60 s and a copy may wait 30 s; it is 2',
  ],
  [
    'a ceiling that is too low',
    scaled({ minReplicas: 15, maxReplicas: 40 }, PEAK),
    'delivery.autoscaling.maxReplicas: a peak of 1000 messages/s with attempts of 1.5 s and 50 copies per pod calls for 43 pods, a margin of 30 % included; it is 40',
  ],
  [
    'a ceiling below the floor',
    scaled({ minReplicas: 3, maxReplicas: 2 }),
    'delivery.autoscaling.maxReplicas: 2 is less than minReplicas, 3',
  ],
  [
    'no Prometheus to ask',
    scaled({ mode: 'keda-prometheus' }),
    'delivery.autoscaling.prometheus.serverAddress: name your Prometheus, http://…:9090',
  ],
  [
    'a URL that KEDA cannot read',
    {
      ...external({ nodes: [], existingSecret: 'a', existingSecretUrlKey: 'url' }),
      ...scaled({ mode: 'keda-redis' }),
    },
    'delivery.autoscaling.mode: KEDA cannot read a URL from a Secret; list externalRedis.nodes, or use keda-metrics-api',
  ],
  [
    'a document for a policy service that is not ours',
    { policy: { address: 'policy:50051', existingConfigMap: 'a' } },
    'policy.existingConfigMap: policy.address names a service outside of this release, which reads its own document',
  ],
  [
    'two documents',
    { policy: { existingConfigMap: 'a', existingSecret: 'b' } },
    'policy.existingSecret: policy.existingConfigMap has the document, too; name one of them',
  ],
  [
    'a canary for an intake that is not there',
    { tests: { canaryIntake: 'lab' } },
    'tests.canaryIntake: policy.document.intakes has no lab',
  ],
  [
    'a pod that has no time to finish',
    { intake: { terminationGracePeriodSeconds: 15 } },
    'intake.terminationGracePeriodSeconds: preStopSeconds and 10 s to finish are more than 15',
  ],
  [
    'a grace as long as a copy’s life',
    { maxQueueAgeSeconds: 60 },
    'delivery.terminationGracePeriodSeconds: 60 is as long as a copy lives (maxQueueAgeSeconds)',
  ],
];

describe('values that cannot work together', () => {
  for (const major of HELM_MAJORS) {
    for (const [name, values, line] of REFUSED) {
      it(`Helm ${major} refuses ${name}`, () => {
        assert.ok(refusal(major, values).includes(`\n  - ${line}\n`), refusal(major, values));
      });
    }
  }

  it('are told all at once', () => {
    const message = refusal(4, { ...external({ mode: 'sentinel' }), ...proxy({}), maxQueueAgeSeconds: 60 });
    assert.deepEqual(
      [...message.matchAll(/^ {2}- ([\w.]+):/gm)].map((match) => match[1]),
      [
        'externalRedis.sentinel.masterName',
        'intake.proxyProtocol.trustedCIDRs',
        'delivery.terminationGracePeriodSeconds',
      ],
    );
  });
});

describe('the pods that a load needs', () => {
  /** Peak, seconds to a new pod, and the least number of pods that is taken. */
  const FLOORS: readonly (readonly [peak: number, reaction: number, floor: number])[] = [
    [1000, 30, 1],
    [1000, 31, 1],
    [1000, 60, 15],
    [1000, 120, 23],
    [100, 120, 3],
    [10, 120, 1],
  ];
  for (const [peak, reaction, floor] of FLOORS) {
    it(`for ${peak} messages/s and new pods in ${reaction} s are ${floor} at least`, () => {
      const values = (minReplicas: number) =>
        scaled({ minReplicas, maxReplicas: 60 }, { peakMessagesPerSecond: peak, reactionSeconds: reaction });
      assert.ok(render(4, values(floor)).length > 0);
      if (floor > 1) assert.match(refusal(4, values(floor - 1)), new RegExp(`needs ${floor} pods`));
    });
  }
});
