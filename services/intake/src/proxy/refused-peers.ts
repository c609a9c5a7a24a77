import type { Logger } from '@tdc/platform';
import type { ProxyRefusal } from './read-proxy-header.ts';

/** How often one reason is written at most: a health check without a header comes every few seconds, for ever. */
const QUIET_MS = 60_000;

/**
 * A writer of refused connections: the first of each reason at once, then one line a minute with how many were not
 * written. The peer is the socket's, never anybody that a header named.
 */
export function logRefusedPeers(
  log: Pick<Logger, 'notice'>,
  now: () => number,
): (reason: ProxyRefusal, peer: string, problem: string) => void {
  const written = new Map<ProxyRefusal, { readonly at: number; unwritten: number }>();
  return (reason, peer, problem) => {
    const last = written.get(reason);
    if (last !== undefined && now() - last.at < QUIET_MS) {
      last.unwritten += 1;
      return;
    }
    const more = last === undefined || last.unwritten === 0 ? '' : ` (and ${last.unwritten} more since)`;
    written.set(reason, { at: now(), unwritten: 0 });
    log.notice('warning', 'proxy-header-refused', `connection from ${peer} refused: ${problem}${more}`);
  };
}
