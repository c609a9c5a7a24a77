import {
  type CopyRoute,
  DEFAULT_MESSAGES_PER_CONNECTION,
  type IntakeTls,
  type PolicySnapshot,
} from '@tdc/core';
import type { Carriage } from './ports.ts';

/** Intakes that an edit removed are remembered so long: longer than any copy lives. */
const REMEMBERED = 1000;

/** How copies are carried, by alias: from the newest revision; for a removed intake, as it was last. */
export interface Carriages {
  update(snapshot: PolicySnapshot): void;
  of(route: CopyRoute): Carriage;
}

export function createCarriages(): Carriages {
  const known = new Map<string, Carriage>();
  return {
    update({ document }) {
      for (const { alias, tls, limits } of Object.values(document.intakes)) {
        known.delete(alias);
        known.set(alias, { tls, limits });
      }
      for (const alias of [...known.keys()].slice(0, Math.max(0, known.size - REMEMBERED)))
        known.delete(alias);
    },
    of: ({ intake, format }) => known.get(intake) ?? strict(format),
  };
}

/** For an intake that nothing is known of: verified, and modest. */
const strict = (format: CopyRoute['format']): Carriage => ({
  tls: { verify: true, maxVersion: 'TLSv1.3' },
  limits: { connections: 3, messagesPerConnection: DEFAULT_MESSAGES_PER_CONNECTION[format] },
});

/** Whether a connection secured by the one could have been secured by the other. */
export const isSameTls = (a: IntakeTls, b: IntakeTls): boolean =>
  a === b ||
  (a.verify === b.verify && a.ca === b.ca && a.serverName === b.serverName && a.maxVersion === b.maxVersion);
