import { type HeaderField, headerValues, isInNetworks, type Network } from '@tdc/core';
import type { Peer } from '../ports.ts';
import { plainAddress, readReceived } from './received-field.ts';

/** Where a message came from before it came to the gateway. */
export interface Origin {
  /** The true client address; undefined when nobody tells. */
  readonly clientAddress?: string;
  /** The client logged in at the gateway: outgoing mail. */
  readonly authenticated: boolean;
}

/**
 * Goes down the Received chain as long as the writer of the next field is one of the trusted peers: the topmost is the
 * peer's own, the next was written by whom that one names, and so on. The first address that is not trusted is the
 * client's.
 */
function followChain(received: readonly string[], trustedPeers: readonly Network[]): Origin {
  let authenticated = false;
  for (const value of received) {
    const hop = readReceived(value);
    if (hop.kind === 'unreadable') break;
    if (hop.kind === 'local') continue;
    authenticated ||= hop.authenticated;
    if (hop.address === undefined) break;
    if (!isInNetworks(hop.address, trustedPeers)) return { clientAddress: hop.address, authenticated };
  }
  return { authenticated };
}

/**
 * Finds the true client (spec §9): the address the gateway forwards, else the first untrusted address in the Received
 * chain. From an untrusted peer nothing counts: the peer itself is the client.
 */
export function originOf(
  peer: Peer,
  fields: readonly HeaderField[],
  trustedPeers: readonly Network[],
): Origin {
  if (!peer.trusted) return { clientAddress: peer.address, authenticated: false };
  const chain = followChain(headerValues(fields, 'Received'), trustedPeers);
  const authenticated = peer.login || chain.authenticated;
  const forwarded = peer.forwardedAddress === undefined ? undefined : plainAddress(peer.forwardedAddress);
  return { ...chain, ...(forwarded === undefined ? {} : { clientAddress: forwarded }), authenticated };
}
