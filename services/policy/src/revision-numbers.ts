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
      const newest = [...known.keys()].at(-1);
      if (revision !== remembered || sha256 !== newest) {
        // The last in use stands last: it is the one that a start without Redis needs.
        known.delete(sha256);
        known.set(sha256, revision);
        saveNumbers(path, known);
      }
      return revision;
    },
  };
}

function loadNumbers(path: string): Map<string, number> {
  try {
    const entries = Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>);
    return new Map(entries.filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1])));
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
