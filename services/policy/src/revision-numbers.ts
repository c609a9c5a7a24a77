import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RevisionNumbers } from './ports.ts';

const FILE = 'policy-revisions.json';
/** Numbers of the documents last in force; older ones are asked for anew. */
const KEPT = 100;

/**
 * Remembers numbers on disk, so that a document that was in force before gets its number back when Redis, which gives
 * the numbers, is away.
 */
export function rememberNumbers(source: RevisionNumbers, folder: string | undefined): RevisionNumbers {
  if (folder === undefined) return source;
  const path = join(folder, FILE);
  const known = loadNumbers(path);
  return {
    async revisionOf(sha256) {
      const remembered = known.get(sha256);
      const revision = await source.revisionOf(sha256).catch((error: unknown) => {
        if (remembered === undefined) throw error;
        return remembered;
      });
      if (revision !== remembered) {
        known.set(sha256, revision);
        saveNumbers(path, known);
      }
      return revision;
    },
  };
}

function loadNumbers(path: string): Map<string, number> {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>));
  } catch {
    return new Map();
  }
}

function saveNumbers(path: string, known: ReadonlyMap<string, number>): void {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, JSON.stringify(Object.fromEntries([...known].slice(-KEPT))));
    renameSync(draft, path);
  } catch {
    // A full or read-only disk costs the start without Redis, nothing else.
  }
}
