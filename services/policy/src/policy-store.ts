import { errorText, type FileProblem, readPolicyFile } from '@tdc/platform';
import type { Revision, RevisionNumbers } from './ports.ts';

export type LoadResult =
  | { readonly kind: 'in-force'; readonly revision: Revision }
  /** The document in force; `mended` when a newer one was refused in between. */
  | { readonly kind: 'unchanged'; readonly revision: number; readonly mended: boolean }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
  /** The document is valid but has no number yet: the store of numbers is away. */
  | { readonly kind: 'unnumbered'; readonly reason: string };

/** The document in force, and what is wrong with a newer one. */
export interface PolicyStore {
  current(): Revision | undefined;
  /** What is wrong with the newest document; '' when it is the one in force. */
  loadError(): string;
  /** Why nothing is in force, in words. */
  whyNone(): string;
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
    whyNone: () => `no policy document is in force: ${loadError === '' ? 'none was read yet' : loadError}`,
    async load() {
      const file = await readPolicyFile(path);
      if (file.kind === 'invalid') {
        const problems = formatProblems(file.problems);
        loadError = problems.join('\n');
        return { kind: 'refused', problems };
      }
      if (file.sha256 === current?.sha256) {
        const mended = loadError !== '';
        loadError = '';
        return { kind: 'unchanged', revision: current.revision, mended };
      }
      let number: number;
      try {
        number = await numbers.revisionOf(file.sha256);
      } catch (error) {
        const reason = errorText(error);
        loadError = `the document is valid, but has no revision number yet: ${reason}`;
        return { kind: 'unnumbered', reason };
      }
      const { document, documentJson, sha256 } = file;
      current = { revision: number, sha256, documentJson, document, loadedAt: now() };
      loadError = '';
      return { kind: 'in-force', revision: current };
    },
  };
}
