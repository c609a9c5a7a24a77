import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { type HelmMajor, helm } from './helm.ts';

/** A Kubernetes object as it was rendered. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

export const CHART = 'charts/tdc';

function withValues<T>(values: unknown, run: (...args: string[]) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-chart-'));
  try {
    const file = join(folder, 'values.json');
    writeFileSync(file, JSON.stringify(values));
    return run('template', 'tdc', CHART, '--namespace', 'mail', '--values', file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Renders the chart with these values in place of its own. */
export function render(major: HelmMajor, values: unknown = {}): readonly Manifest[] {
  const result = withValues(values, (...args) => helm(major, ...args));
  if (result.kind === 'failed') assert.fail(result.message);
  return parseAllDocuments(result.output).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}

/** Why the chart refuses these values; fails when it takes them. */
export function refusal(major: HelmMajor, values: unknown): string {
  const result = withValues(values, (...args) => helm(major, ...args));
  return result.kind === 'failed' ? result.message : assert.fail('the chart took values that it must refuse');
}

/** The object of that kind whose name ends so. */
export function find(manifests: readonly Manifest[], kind: string, nameEnd: string): Manifest {
  const found = manifests.find(({ kind: one, metadata }) => one === kind && metadata.name.endsWith(nameEnd));
  return found ?? assert.fail(`there is no ${kind} …${nameEnd}`);
}
