import { kubectl, kubectlJson } from './kubectl.ts';

const LEVEL = 'restricted';

/** Makes a namespace that enforces the restricted Pod Security level; what an earlier run left there is gone. */
export async function makeNamespace(name: string): Promise<void> {
  await removeNamespace(name);
  await kubectl('create', 'namespace', name);
  await kubectl('label', 'namespace', name, `pod-security.kubernetes.io/enforce=${LEVEL}`);
}

/** Removes it with everything in it; its pods end at once, also those of a node that does not answer. */
export async function removeNamespace(name: string): Promise<void> {
  await kubectl('delete', 'namespace', name, '--ignore-not-found', '--wait=false');
  await kubectl('--namespace', name, 'delete', 'pods', '--all', '--grace-period=0', '--force');
  await kubectl('wait', '--for=delete', `namespace/${name}`, '--timeout=120s');
}

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

/** The pods that the labels select, terminating ones included. */
export async function podsOf(namespace: string, selector: string): Promise<readonly Pod[]> {
  const { items } = await kubectlJson<{ readonly items: readonly Pod[] }>(
    '--namespace',
    namespace,
    'get',
    'pods',
    `--selector=${selector}`,
  );
  return items;
}

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');

/** What the pods of a namespace last said, for whoever must find out why a test failed. */
export async function describeNamespace(namespace: string): Promise<string> {
  const parts = [await kubectl('--namespace', namespace, 'get', 'pods', '--output=wide')];
  for (const { metadata } of await podsOf(namespace, 'app.kubernetes.io/part-of=tdc')) {
    const log = await kubectl('--namespace', namespace, 'logs', metadata.name, '--tail=15').catch(String);
    parts.push(`--- ${metadata.name}\n${log}`);
  }
  return parts.join('\n');
}
