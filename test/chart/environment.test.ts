import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createAuthority } from '@tdc/stand-in';
import { loadDeliveryConfig } from '../../services/delivery/src/config.ts';
import { loadIntakeConfig } from '../../services/intake/src/config.ts';
import { loadMonitorConfig } from '../../services/monitor/src/config.ts';
import { loadPolicyConfig } from '../../services/policy/src/config.ts';
import { filesBelow, isTest, textOf } from '../architecture/source-tree.ts';
import { find, type Manifest, render } from '../support/chart.ts';
import {
  COMPONENTS,
  type Container,
  environmentOf,
  MODES,
  podOf,
  renderMode,
  workloads,
} from './manifests.ts';

/** What a pod is given for somebody else: Node.js, and the command line that is run in the monitor's. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  monitor: ['TDC_MONITOR_ADDRESS', 'TDC_SMTP_ADDRESS'],
};
/** What is read and not set, and why. */
const UNSET: Readonly<Record<string, string>> = {
  TDC_GRPC_HOST: 'every address of the pod',
  TDC_GRPC_PORT: 'Services lead to the port of the code',
  TDC_HTTP_HOST: 'every address of the pod',
  TDC_HTTP_PORT: 'probes and monitors know the port of the code',
  TDC_REDIS_PASSWORD: 'a password comes as a file',
  TDC_READY_FD: 'nobody waits at a file descriptor',
  TDC_SMTP_HOST: 'every address of the pod',
};
const NOT_OURS = ['NODE_OPTIONS', 'TZ'];

/** The container of a process; undefined in a mode that has no such pod. */
const containerOf = (component: string, manifests: readonly Manifest[]): Container | undefined => {
  const pod = manifests.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === `tdc-${component}`,
  );
  return pod && podOf(pod).containers[0];
};

const platform = filesBelow('services/platform/src', '.ts').filter((file) => !isTest(file));

describe('the chart and the code', () => {
  for (const component of COMPONENTS) {
    const sources = [`services/${component}/src/config.ts`, ...platform].map(textOf).join('\n');
    const known = [...NOT_OURS, ...(OTHERS[component] ?? [])];

    it(`set variables that ${component} reads, and no others, in whatever mode`, () => {
      for (const mode of MODES) {
        const container = containerOf(component, renderMode(4, mode));
        if (container === undefined) continue;
        assert.deepEqual(container.args, [component]);
        const unread = (container.env ?? [])
          .map(({ name }) => name)
          .filter((name) => !known.includes(name) && !sources.includes(`'${name}'`));
        assert.deepEqual(unread, [], mode.name);
      }
    });
  }

  it('leave nothing of the code that values cannot set, but what a pod has its own way for', () => {
    const sources = COMPONENTS.map((component) => `services/${component}/src/config.ts`);
    const names = [...sources, ...platform].flatMap((file) =>
      [...textOf(file).matchAll(/'(TDC_[A-Z0-9_]+)'/g)].map((match) => match[1] ?? ''),
    );
    const set = new Set(
      MODES.flatMap((mode) => workloads(renderMode(4, mode)))
        .flatMap((workload) => podOf(workload).containers)
        .flatMap(({ env = [] }) => env.map(({ name }) => name)),
    );
    const unset = [...new Set(names)].filter((name) => !set.has(name));
    assert.deepEqual(unset.sort(), Object.keys(UNSET).sort());
  });

  it('no variable is set twice', () => {
    for (const mode of MODES) {
      for (const component of ['intake', 'delivery', 'monitor']) {
        const [container] = podOf(find(renderMode(4, mode), 'Deployment', `-${component}`)).containers;
        const names = (container?.env ?? []).map(({ name }) => name);
        assert.deepEqual(names, [...new Set(names)], `${mode.name}: ${component}`);
      }
    }
  });
});

interface Loaded {
  readonly component: (typeof COMPONENTS)[number];
  readonly load: (env: Readonly<Record<string, string>>) => object;
  /** What the code cannot do without. */
  readonly needs: readonly string[];
  /** What a pod is told because it is a pod. */
  readonly placed: readonly string[];
}

const LOADED: readonly Loaded[] = [
  {
    component: 'intake',
    load: loadIntakeConfig,
    needs: ['TDC_SMTP_TLS_CERT_FILE', 'TDC_SMTP_TLS_KEY_FILE'],
    placed: ['policyAddress', 'redis', 'shutdownSeconds', 'stateFolder'],
  },
  {
    component: 'delivery',
    load: loadDeliveryConfig,
    needs: [],
    placed: ['policyAddress', 'redis', 'shutdownSeconds', 'stateFolder'],
  },
  {
    component: 'policy',
    load: loadPolicyConfig,
    needs: ['TDC_POLICY_FILE'],
    placed: ['redis', 'shutdownSeconds', 'stateFolder'],
  },
  {
    component: 'monitor',
    load: loadMonitorConfig,
    needs: [],
    placed: ['policyAddress', 'redis', 'shutdownSeconds', 'stateFolder'],
  },
];

describe('the values', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-defaults-'));
  const file = join(folder, 'file');
  writeFileSync(file, 'x');
  const certificate = {
    cert: join(folder, 'tls.crt'),
    key: join(folder, 'tls.key'),
    ca: join(folder, 'ca.crt'),
  };
  before(async () => {
    const authority = await createAuthority();
    const { cert, key } = await authority.issue({ names: ['tdc-policy'], client: true });
    writeFileSync(certificate.cert, cert);
    writeFileSync(certificate.key, key);
    writeFileSync(certificate.ca, authority.cert);
  });
  after(() => rmSync(folder, { recursive: true }));

  /** What stands in for a file of a pod. */
  const fileFor = (variable: string): string => {
    const use = /_(CERT|KEY|CA)_FILE$/.exec(variable)?.[1]?.toLowerCase();
    return use === 'cert' || use === 'key' || use === 'ca' ? certificate[use] : file;
  };

  for (const { component, load, needs, placed } of LOADED) {
    it(`have the defaults of ${component}’s code`, () => {
      const needed = Object.fromEntries(needs.map((name) => [name, file]));
      const [container] = podOf(find(render(4), 'Deployment', `-${component}`)).containers;
      const given = { ...environmentOf(container), ...needed, TDC_STATE_DIR: folder };
      const own = Object.entries(load(given)).filter(([name]) => !placed.includes(name));
      const bare = Object.entries(load(needed)).filter(([name]) => !placed.includes(name));
      assert.deepEqual(Object.fromEntries(own), Object.fromEntries(bare));
    });
  }

  for (const { component, load } of LOADED) {
    it(`and what any mode gives ${component} is taken by its code`, () => {
      for (const mode of MODES) {
        const container = containerOf(component, renderMode(4, mode));
        if (container === undefined) continue;
        const given = Object.entries(environmentOf(container)).map(([name, value]) => [
          name,
          name.endsWith('_FILE') ? fileFor(name) : value,
        ]);
        assert.doesNotThrow(() => load({ ...Object.fromEntries(given), TDC_STATE_DIR: folder }), mode.name);
      }
    });
  }
});
