import type { PolicyDocument } from '@tdc/core';

/** A revision as the service holds it. */
export interface Revision {
  readonly revision: number;
  readonly sha256: string;
  readonly documentJson: string;
  readonly document: PolicyDocument;
  /** Milliseconds since the epoch. */
  readonly loadedAt: number;
}

/** Numbers documents: one document, one number. Rejects when the numbers cannot be had. */
export interface RevisionNumbers {
  revisionOf(sha256: string): Promise<number>;
}
