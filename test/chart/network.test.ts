import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { find, render } from '../support/chart.ts';
import { ofKind, podLabels, selects, workloads } from './manifests.ts';

interface Rule {
  readonly from?: readonly unknown[];
  readonly to?: readonly unknown[];
  readonly ports: readonly { readonly port: number }[];
}
interface Policy {
  readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly ingress: readonly Rule[];
  readonly egress: readonly Rule[];
}

const rendered = (values: Readonly<Record<string, unknown>> = {}, network: unknown = {}) =>
  render(4, { ...values, networkPolicy: { enabled: true, ...(network as object) } });
const policyOf = (manifests: ReturnType<typeof render>, component: string): Policy =>
  find(manifests, 'NetworkPolicy', `-${component}`).spec as unknown as Policy;
const portsOf = (rules: readonly Rule[], end: 'from' | 'to'): number[] =>
  rules.filter((rule) => rule[end] === undefined).flatMap(({ ports }) => ports.map(({ port }) => port));
const own = {
  podSelector: { matchLabels: { 'app.kubernetes.io/name': 'tdc', 'app.kubernetes.io/instance': 'tdc' } },
};
const keda = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'keda' } } };
const port = (number: number) => [{ port: number, protocol: 'TCP' }];

describe('network policies', () => {
  const manifests = rendered();
  const policies = ofKind(manifests, 'NetworkPolicy');

  it('are made only when they are asked for', () => {
    assert.equal(ofKind(render(4), 'NetworkPolicy').length, 0);
  });

  it('cover every pod, the stand-in included', () => {
    const all = rendered({ standIn: { enabled: true } });
    for (const workload of workloads(all)) {
      const covering = ofKind(all, 'NetworkPolicy').filter(({ spec }) =>
        selects((spec as unknown as Policy).podSelector.matchLabels, podLabels(workload)),
      );
      assert.equal(covering.length, 1, workload.metadata.name);
    }
  });

  it('let everybody hand over mail, and nobody do anything else', () => {
    assert.deepEqual(portsOf(policyOf(policies, 'intake').ingress, 'from'), [2525]);
    for (const component of ['delivery', 'policy', 'monitor', 'redis'])
      assert.deepEqual(portsOf(policyOf(policies, component).ingress, 'from'), []);
  });

  it('let those hand over mail who are named, and the release’s own test', () => {
    const gateways = { ipBlock: { cidr: '10.20.0.0/16' } };
    const { ingress } = policyOf(rendered({}, { smtpPeers: [gateways] }), 'intake');
    assert.deepEqual(ingress, [{ from: [gateways, own], ports: port(2525) }]);
  });

  it('let delivery alone reach the outside, on the ports of message intakes', () => {
    assert.deepEqual(portsOf(policyOf(policies, 'delivery').egress, 'to'), [53, 53, 25]);
    for (const component of ['intake', 'policy', 'monitor'])
      assert.deepEqual(portsOf(policyOf(policies, component).egress, 'to'), [53, 53]);
    assert.deepEqual(policyOf(policies, 'redis').egress, []);
  });

  it('let every process reach the Redis that is named, Sentinels and servers', () => {
    const peers = [{ ipBlock: { cidr: '10.30.0.0/24' } }];
    const values = {
      redis: { bundled: false },
      externalRedis: { mode: 'sentinel', nodes: ['a:26379', 'b:26379'], sentinel: { masterName: 'm' } },
    };
    const named = rendered(values, { redisPeers: peers });
    for (const component of ['intake', 'delivery', 'policy', 'monitor']) {
      const rule = policyOf(named, component).egress.find(
        ({ to }) => JSON.stringify(to) === JSON.stringify(peers),
      );
      assert.deepEqual(rule?.ports, [...port(6379), ...port(26379)], component);
    }
  });

  it('let delivery reach the stand-in', () => {
    const { egress } = policyOf(rendered({ standIn: { enabled: true } }), 'delivery');
    assert.deepEqual(egress.at(-1), { to: [own], ports: port(2527) });
  });

  it('let those read metrics who are named', () => {
    const peers = [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }];
    const { ingress } = policyOf(rendered({}, { metricsPeers: peers }), 'delivery');
    assert.deepEqual(ingress, [{ from: peers, ports: port(9090) }]);
  });

  it('let the proxies alone to the listener that believes what they say', () => {
    const values = {
      intake: { proxyProtocol: { enabled: true, trustedCIDRs: ['10.1.0.0/16', '192.0.2.7'] } },
    };
    const { ingress } = policyOf(rendered(values), 'intake');
    assert.deepEqual(
      ingress.find(({ ports }) => ports[0]?.port === 2526),
      {
        from: [{ ipBlock: { cidr: '10.1.0.0/16' } }, { ipBlock: { cidr: '192.0.2.7/32' } }],
        ports: port(2526),
      },
    );
  });

  const SCALING: readonly (readonly [mode: string, component: string, port: number])[] = [
    ['keda-metrics-api', 'monitor', 9090],
    ['keda-redis', 'redis', 6379],
  ];
  for (const [mode, component, number] of SCALING) {
    it(`let KEDA ask ${component} where it scales by ${mode}, and nothing else`, () => {
      const scaled = rendered({ delivery: { autoscaling: { mode } } });
      const reached = ['intake', 'delivery', 'policy', 'monitor', 'redis'].flatMap((name) =>
        policyOf(scaled, name)
          .ingress.filter(({ from }) => JSON.stringify(from ?? []).includes('"keda"'))
          .flatMap(({ ports }) => ports.map((one) => [name, one.port])),
      );
      assert.deepEqual(reached, [[component, number]]);
      assert.deepEqual(policyOf(scaled, component).ingress.at(-1)?.from?.at(-1), keda);
    });
  }

  it('of Cilium name message intakes, and take the open way out from the plain policy', () => {
    const hosts = ['mx.setd.example.com', '*.mail.example.com'];
    const named = rendered({}, { flavour: 'cilium', cilium: { intakeHosts: hosts } });
    assert.deepEqual(portsOf(policyOf(named, 'delivery').egress, 'to'), []);
    const { egress } = find(named, 'CiliumNetworkPolicy', '-delivery').spec as {
      egress: { toFQDNs?: unknown; toPorts: { ports: unknown }[] }[];
    };
    assert.deepEqual(egress[1]?.toFQDNs, [
      { matchName: 'mx.setd.example.com' },
      { matchPattern: '*.mail.example.com' },
    ]);
    assert.deepEqual(egress[1]?.toPorts, [{ ports: [{ port: '25', protocol: 'TCP' }] }]);
  });
});
