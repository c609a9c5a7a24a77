/**
 * Tells that a copy has to end where it is, before its final dot. An `AbortSignal` is one; that of a copy has no more
 * than this, as a copy is in one place at a time.
 */
export interface CutSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
