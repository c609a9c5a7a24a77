import type { Unavailable } from '../ports.ts';

/** What a message comes to that Redis did not take, and why. */
export const unstorable = (error: unknown): Unavailable => ({
  kind: 'unavailable',
  reason: 'storage',
  detail: error instanceof Error ? error.message : String(error),
});
