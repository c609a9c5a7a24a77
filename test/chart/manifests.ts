import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { filesBelow, ROOT } from '../architecture/source-tree.ts';
import { CHART, type Manifest, render } from '../support/chart.ts';
import type { HelmMajor } from '../support/helm.ts';

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: Readonly<Record<string, unknown>>;
  }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly subPath?: string;
  }[];
}
interface Probe {
  readonly httpGet?: { readonly port: string };
  readonly tcpSocket?: { readonly port: string };
}
export interface PodSpec {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly hostUsers?: boolean;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly terminationGracePeriodSeconds?: number;
  readonly tolerations: readonly { readonly key: string; readonly tolerationSeconds: number }[];
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly (Readonly<Record<string, unknown>> & { readonly name: string })[];
}

export const COMPONENTS = ['intake', 'delivery', 'policy', 'monitor'] as const;

export const workloads = (manifests: readonly Manifest[]): readonly Manifest[] =>
  manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');

export const ofKind = (manifests: readonly Manifest[], kind: string): readonly Manifest[] =>
  manifests.filter((one) => one.kind === kind);

/** The pod that a workload makes; a bare Pod's own. */
export const podOf = (manifest: Manifest): PodSpec =>
  manifest.kind === 'Pod'
    ? (manifest.spec as unknown as PodSpec)
    : (manifest.spec as { template: { spec: PodSpec } }).template.spec;

export const podLabels = (manifest: Manifest): Readonly<Record<string, string>> =>
  (manifest.spec as { template: { metadata: { labels: Record<string, string> } } }).template.metadata.labels;

export const podAnnotations = (manifest: Manifest): Readonly<Record<string, string>> =>
  (manifest.spec as { template: { metadata: { annotations?: Record<string, string> } } }).template.metadata
    .annotations ?? {};

export const selects = (
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean => Object.entries(selector).every(([name, value]) => labels[name] === value);

export const environmentOf = (container: Container | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value ?? '']));

/** A way to run the chart, with the values of charts/tdc/ci. */
export interface Mode {
  readonly name: string;
  readonly values: unknown;
}

export const MODES: readonly Mode[] = filesBelow(`${CHART}/ci`, '-values.yaml').map((path) => ({
  name: basename(path, '-values.yaml'),
  values: parse(readFileSync(join(ROOT, path), 'utf8'), { merge: true }) as unknown,
}));

const rendered = new Map<string, readonly Manifest[]>();

/** The objects of a mode, rendered once for all tests of a file. */
export function renderMode(major: HelmMajor, { name, values }: Mode): readonly Manifest[] {
  const key = `${major} ${name}`;
  const manifests = rendered.get(key) ?? render(major, values);
  rendered.set(key, manifests);
  return manifests;
}
