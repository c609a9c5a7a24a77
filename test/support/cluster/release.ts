import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { helmProgram } from '../helm.ts';
import { waitUntil } from '../wait-until.ts';
import { type ClusterSettings, kubectl, runProgram } from './kubectl.ts';
import { describeNamespace, isReady, type Pod, podsOf } from './namespace.ts';

const CHART = 'charts/tdc';
/** The command line of the image. */
const TDC = ['/usr/bin/node', '/app/deploy/docker/entrypoint.ts', 'tdc'];
const HELM_TIMEOUT_MS = 300_000;

export type Values = Readonly<Record<string, unknown>>;

/** The account as `tdc accounting --json` tells it. */
export interface Account {
  readonly seen: number;
  readonly enqueued: number;
  readonly skipped: number;
  readonly delivered: number;
  readonly hardBounced: number;
  readonly deleted: number;
  readonly active: number;
  readonly difference: number;
}

/** A release of the chart in a namespace. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
  /** Where the pods of the cluster hand over mail. */
  readonly smtp: string;
  /** Runs Helm on this release: `upgrade`, `rollback`, `test`, `uninstall` … */
  helm(command: string, ...args: readonly string[]): Promise<string>;
  /** Installs or upgrades, and waits until everything is ready. */
  deploy(values: Values): Promise<string>;
  /** The command line, in the monitor's pod. */
  tdc(...args: readonly string[]): Promise<string>;
  /** The same with something on its standard input. */
  tdcWith(input: Buffer, ...args: readonly string[]): Promise<string>;
  /** Waits until the monitor tells it and it balances. */
  account(): Promise<Account>;
  /** Waits until no copy is active and the account balances. */
  settled(withinSeconds?: number): Promise<Account>;
  /** Pods of a component, terminating ones left out. */
  pods(component: string): Promise<readonly Pod[]>;
  /** Their uids. */
  uids(component: string): Promise<Set<string>>;
  /** Waits until a component has so many ready pods, and no other. */
  ready(component: string, count: number, withinSeconds?: number): Promise<readonly Pod[]>;
  /** Waits until pods of a component are gone, by their uid: not terminating any more. */
  gone(component: string, uids: ReadonlySet<string>, withinSeconds?: number): Promise<unknown>;
}

const imageValues = (image: string): Values => {
  const colon = image.lastIndexOf(':');
  return { registry: '', repository: image.slice(0, colon), tag: image.slice(colon + 1) };
};

/** Values that make a release of what this cluster's nodes have. */
export function clusterValues({ image, redisImage }: ClusterSettings): Values {
  return {
    image: { ...imageValues(image), pullPolicy: 'IfNotPresent' },
    ...(redisImage === undefined
      ? {}
      : { redis: { image: { ...imageValues(redisImage), command: 'redis-server' } } }),
  };
}

/** One map over another, map by map. */
export function mergeValues(below: Values, above: Values): Values {
  const isMap = (value: unknown): value is Values =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const under = merged[key];
    merged[key] = isMap(under) && isMap(value) ? mergeValues(under, value) : value;
  }
  return merged;
}

/** A release of that name in the namespace; nothing is installed yet. */
export function releaseIn(settings: ClusterSettings, namespace: string, name = 'tdc'): Release {
  const helm = (command: string, ...args: readonly string[]): Promise<string> =>
    runProgram(
      helmProgram(4),
      [command, name, '--namespace', namespace, ...args],
      undefined,
      HELM_TIMEOUT_MS,
    );
  const inMonitor = ['--namespace', namespace, 'exec', `deploy/${name}-monitor`];
  const tdc = (...args: readonly string[]): Promise<string> => kubectl(...inMonitor, '--', ...TDC, ...args);
  const allPods = (component: string): Promise<readonly Pod[]> =>
    podsOf(namespace, `app.kubernetes.io/instance=${name},app.kubernetes.io/component=${component}`);
  const pods = async (component: string): Promise<readonly Pod[]> =>
    (await allPods(component)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const release: Release = {
    name,
    namespace,
    smtp: `${name}-intake.${namespace}.svc.cluster.local:25`,
    helm,
    async deploy(values) {
      const folder = mkdtempSync(join(tmpdir(), 'tdc-release-'));
      try {
        const file = join(folder, 'values.json');
        writeFileSync(file, JSON.stringify(mergeValues(clusterValues(settings), values)));
        return await helm('upgrade', CHART, '--install', '--values', file, '--wait', '--timeout=150s');
      } catch (error) {
        throw new Error(`${String(error)}\n${await describeNamespace(namespace)}`);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    tdc,
    tdcWith: (input, ...args) =>
      runProgram('kubectl', [...inMonitor, '--stdin', '--', ...TDC, ...args], input),
    account: () =>
      waitUntil(async () => JSON.parse(await tdc('accounting', '--json')) as Account, {
        withinSeconds: 60,
        what: 'the monitor to tell the account',
      }),
    settled: (withinSeconds = 150) =>
      waitUntil(
        async () => {
          const account = await release.account();
          return account.active === 0 && account.difference === 0 ? account : undefined;
        },
        { withinSeconds, what: 'the account to settle' },
      ),
    pods,
    uids: async (component) => new Set((await pods(component)).map(({ metadata }) => metadata.uid)),
    ready: (component, count, withinSeconds = 120) =>
      waitUntil(
        async () => {
          const found = await pods(component);
          return found.length === count && found.every(isReady) ? found : undefined;
        },
        { withinSeconds, what: `${count} ready pods of ${component}` },
      ),
    gone: (component, uids, withinSeconds = 180) =>
      waitUntil(async () => !(await allPods(component)).some(({ metadata }) => uids.has(metadata.uid)), {
        withinSeconds,
        what: `old pods of ${component} to be gone`,
      }),
  };
  return release;
}
