import { after, before } from 'node:test';
import type { GatewayReport } from '../../cluster/pods/gateway.ts';
import { startGatewayPod } from './gateway-pod.ts';
import { INTAKE_PORT, type IntakePod, startIntakePod, type TakenCopy } from './intake-pod.ts';
import { type ClusterSettings, clusterSettings, kubectlJson } from './kubectl.ts';
import { makeNamespace, removeNamespace } from './namespace.ts';
import { type Account, mergeValues, type Release, releaseIn, type Values } from './release.ts';

const settings = clusterSettings();

/** Why tests that need a cluster are skipped; false when they are not. */
export const noCluster: string | false = typeof settings === 'string' ? settings : false;

/** The processes of a release, as components of the chart. */
export const COMPONENTS = ['intake', 'delivery', 'policy', 'monitor'] as const;

/** What a stretch of mail came to. */
export interface Stretch {
  readonly report: GatewayReport;
  readonly copies: readonly TakenCopy[];
  readonly before: Account;
  readonly account: Account;
}

/** A release with a message intake beside it, on a cluster with two nodes. */
export interface Trial {
  readonly cluster: ClusterSettings;
  readonly release: Release;
  readonly intake: IntakePod;
  /** The node of Redis, of the message intake and of the gateway: nothing happens to it. */
  readonly keptNode: string;
  /** The node that may be drained or lost; undefined when the cluster has one. */
  readonly otherNode: string | undefined;
  /** Values that make this release; others are put over them. */
  values(above?: Values): Values;
  /** Steady mail through the release while `during` lasts, and what it came to when all copies have their outcome. */
  underMail(during: () => Promise<unknown>, perSecond?: number): Promise<Stretch>;
}

interface Node {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly taints?: readonly { readonly effect: string }[] };
}

/** Nodes that take pods, in the order of their names. */
export async function workerNodes(): Promise<readonly string[]> {
  const { items } = await kubectlJson<{ readonly items: readonly Node[] }>('get', 'nodes');
  return items
    .filter(({ spec }) => !(spec.taints ?? []).some(({ effect }) => effect === 'NoSchedule'))
    .map(({ metadata }) => metadata.name)
    .toSorted();
}

/** Installs a trial for the tests of a `describe`, in a namespace of its own, and removes it behind them. */
export function useTrial(
  namespace: string,
  values: Values = {},
  { install = true }: { readonly install?: boolean } = {},
): Trial {
  const cluster = settings as ClusterSettings;
  const release = releaseIn(cluster, namespace);
  let intake: IntakePod | undefined;
  let nodes: readonly string[] = [];
  const trial: Trial = {
    cluster,
    release,
    get intake() {
      if (intake === undefined) throw new Error('the message intake is not started');
      return intake;
    },
    get keptNode() {
      return nodes[0] ?? '';
    },
    get otherNode() {
      return nodes[1];
    },
    values: (above = {}) => {
      const document = { version: 1, intakes: { primary: trial.intake.setting }, defaultIntake: 'primary' };
      const own = {
        redis: { nodeSelector: { 'kubernetes.io/hostname': trial.keptNode } },
        policy: { document },
        networkPolicy: { enabled: true, deliveryPorts: [{ port: INTAKE_PORT, protocol: 'TCP' }] },
      };
      return mergeValues(mergeValues(own, values), above);
    },
    async underMail(during, perSecond = 20) {
      await trial.intake.reset();
      const before = await release.account();
      const gateway = await startGatewayPod(cluster, namespace, {
        server: release.smtp,
        perSecond,
        node: trial.keptNode,
      });
      try {
        await during();
      } catch (error) {
        await gateway.remove();
        throw error;
      }
      const report = await gateway.stop();
      const account = await release.settled();
      return { report, copies: await trial.intake.copies(), before, account };
    },
  };
  before(async () => {
    if (noCluster !== false) return;
    await makeNamespace(namespace);
    nodes = await workerNodes();
    intake = await startIntakePod(cluster, namespace, trial.keptNode);
    if (install) await release.deploy(trial.values());
  });
  after(async () => {
    if (noCluster === false) await removeNamespace(namespace);
  });
  return trial;
}
