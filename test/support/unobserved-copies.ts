import type { CopyObserver } from '../../services/delivery/src/copy/ports.ts';

/** For those who do not look at what becomes of copies. */
export const unobserved: CopyObserver = {
  attempted: () => undefined,
  delivered: () => undefined,
  failed: () => undefined,
  handedBack: () => undefined,
  recordDelayed: () => undefined,
};
