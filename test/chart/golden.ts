import { parse, stringify } from 'yaml';
import type { Manifest } from '../support/chart.ts';
import { ofKind, workloads } from './manifests.ts';

/** Modes whose objects are kept as examples. */
export const GOLDEN_MODES = ['default', 'certmanager', 'keda', 'sentinel', 'stand-in'] as const;

export const goldenPath = (mode: string): string => `charts/tdc/ci/golden/${mode}.yaml`;

/** What differs from one render to the next: certificates that the chart makes. */
const withoutCertificates = (one: Manifest): Manifest =>
  one.kind === 'Secret'
    ? {
        ...one,
        data: Object.fromEntries(Object.keys(one.data ?? {}).map((key) => [key, '(made by the chart)'])),
      }
    : one;

const orderOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`;

/** All objects of a mode as one text, in an order of their own and whichever Helm rendered them. */
export function goldenText(mode: string, manifests: readonly Manifest[]): string {
  const ordered = manifests
    .map(withoutCertificates)
    .toSorted((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
  const documents = ordered.map((one) => stringify(one, { lineWidth: 0, aliasDuplicateObjects: false }));
  return `# What the chart makes of ../${mode}-values.yaml (npm run gen:chart).\n---\n${documents.join('---\n')}`;
}

/** The objects of a golden text, as {@link goldenText} ordered them. */
export const goldenObjects = (text: string): readonly Manifest[] =>
  text.split(/^---\n/m).flatMap((document) => (parse(document) as Manifest | null) ?? []);

/** What an upgrade cannot change: Kubernetes refuses it, or loses sight of the pods that are there. */
export function immutableParts(manifests: readonly Manifest[]): Readonly<Record<string, unknown>> {
  const parts: Record<string, unknown> = {};
  for (const workload of workloads(manifests)) {
    const { selector, serviceName, volumeClaimTemplates } = workload.spec as Record<string, unknown>;
    parts[orderOf(workload)] = { selector, serviceName, volumeClaimTemplates };
  }
  for (const service of ofKind(manifests, 'Service')) {
    const { clusterIP } = service.spec as Record<string, unknown>;
    parts[orderOf(service)] = { clusterIP };
  }
  return parts;
}
