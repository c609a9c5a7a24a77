import { type FileProblem, readPolicyFile } from '@tdc/platform';
import type { Revision, RevisionNumbers } from './ports.ts';

export type LoadResult =
  | { readonly kind: 'in-force'; readonly revision: Revision }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
  /** The document is valid but has no number yet: the store of numbers is away. */
  | { readonly kind: 'unnumbered'; readonly reason: string };

/** The document in force, and what is wrong with a newer one. */
export interface PolicyStore {
  current(): Revision | undefined;
  /** What is wrong with the newest document; '' when it is the one in force. */
  loadError(): string;
  /** Reads the file. An invalid document changes nothing but {@link PolicyStore.loadError}. */
  load(): Promise<LoadResult>;
}

export interface PolicyStoreOptions {
  readonly path: string;
  readonly numbers: RevisionNumbers;
  readonly now: () => number;
  readonly formatProblems: (problems: readonly FileProblem[]) => readonly string[];
}

export function createPolicyStore(options: PolicyStoreOptions): PolicyStore {
  const { path, numbers, now, formatProblems } = options;
  let current: Revision | undefined;
  let loadError = '';

  return {
    current: () => current,
    loadError: () => loadError,
    async load() {
      const file = await readPolicyFile(path);
      if (file.kind === 'invalid') {
        const problems = formatProblems(file.problems);
        loadError = problems.join('\n');
        return { kind: 'refused', problems };
      }
      if (file.sha256 === current?.sha256) {
        loadError = '';
        return { kind: 'unchanged' };
      }
      let number: number;
      try {
        number = await numbers.revisionOf(file.sha256);
      } catch (error) {
        return { kind: 'unnumbered', reason: error instanceof Error ? error.message : String(error) };
      }
      const { document, documentJson, sha256 } = file;
      current = { revision: number, sha256, documentJson, document, loadedAt: now() };
      loadError = '';
      return { kind: 'in-force', revision: current };
    },
  };
}
