import { errorText } from '@tdc/platform';
import type { Unavailable } from '../ports.ts';

/** What a message comes to that Redis did not take, and why. */
export const unstorable = (error: unknown): Unavailable => ({
  kind: 'unavailable',
  reason: 'storage',
  detail: errorText(error),
});
