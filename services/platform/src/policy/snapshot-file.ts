import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ParsedDocument, type PolicySnapshot, parsePolicyDocument } from '@tdc/core';
import { hashOfDocument } from './policy-file.ts';

/** A revision as it is sent and stored: the document is still text. */
export interface SnapshotText {
  readonly revision: number;
  readonly sha256: string;
  readonly documentJson: string;
}

export const SNAPSHOT_FILE = 'policy-snapshot.json';

/** The snapshot of a text; undefined when the text is not what its hash says, or no valid document. */
export function toSnapshot(text: SnapshotText): PolicySnapshot | undefined {
  if (hashOfDocument(text.documentJson) !== text.sha256) return undefined;
  const parsed = parseJson(text.documentJson);
  if (parsed?.kind !== 'valid') return undefined;
  return { revision: text.revision, sha256: text.sha256, document: parsed.document };
}

function parseJson(json: string): ParsedDocument | undefined {
  try {
    return parsePolicyDocument(JSON.parse(json));
  } catch {
    return undefined;
  }
}

export type LoadedSnapshot =
  | { readonly kind: 'loaded'; readonly snapshot: PolicySnapshot }
  | { readonly kind: 'none' }
  /** There is a file, but not one that can be used. */
  | { readonly kind: 'unusable' };

/** The last good snapshot of a former life. */
export function loadSnapshot(folder: string): LoadedSnapshot {
  let text: unknown;
  try {
    text = JSON.parse(readFileSync(join(folder, SNAPSHOT_FILE), 'utf8'));
  } catch (error) {
    return { kind: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : 'unusable' };
  }
  const snapshot = isSnapshotText(text) ? toSnapshot(text) : undefined;
  return snapshot === undefined ? { kind: 'unusable' } : { kind: 'loaded', snapshot };
}

function isSnapshotText(value: unknown): value is SnapshotText {
  if (typeof value !== 'object' || value === null) return false;
  const { revision, sha256, documentJson } = value as Partial<Record<keyof SnapshotText, unknown>>;
  return Number.isSafeInteger(revision) && typeof sha256 === 'string' && typeof documentJson === 'string';
}

/** Stores the snapshot for the next life, whole or not at all. */
export function saveSnapshotText(folder: string, text: SnapshotText): void {
  const path = join(folder, SNAPSHOT_FILE);
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, JSON.stringify(text), { mode: 0o600 });
  renameSync(draft, path);
}
