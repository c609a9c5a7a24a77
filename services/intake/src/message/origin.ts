import { type HeaderField, headerValues, isInNetworks, type Network, parseIpAddress } from '@tdc/core';
import type { Peer } from '../ports.ts';

/** Where a message came from before it came to the gateway. */
export interface Origin {
  /** The true client address; undefined when nobody tells. */
  readonly clientAddress?: string;
  /** The client logged in at the gateway: outgoing mail. */
  readonly authenticated: boolean;
}

/** `with ESMTPA`, `ESMTPSA`, `UTF8SMTPA` …: the A says that the client was authenticated (RFC 3848, RFC 6531). */
const AUTHENTICATED = /\bwith\s+(?:E|L|UTF8)?SMTPS?A\b/i;

/** The address a Received field gives for its sender: what the server saw, not what the client said in HELO. */
export function receivedFrom(value: string): string | undefined {
  const from = /^\s*from\s+([\s\S]*?)(?:\sby\s|$)/i.exec(value)?.[1];
  if (from === undefined) return undefined;
  const seen = /\(([^()]*)\)/.exec(from)?.[1] ?? '';
  for (const text of [seen, from]) {
    const literal = /\[(?:IPv6:)?([0-9a-f.:]+)\]/i.exec(text)?.[1];
    if (literal !== undefined && parseIpAddress(literal) !== undefined) return literal;
  }
  return undefined;
}

/**
 * Finds the true client (spec §9): the address the gateway forwards, else the first address in the Received chain that
 * is not one of the trusted peers. From an untrusted peer nothing counts: the peer itself is the client.
 */
export function originOf(
  peer: Peer,
  fields: readonly HeaderField[],
  trustedPeers: readonly Network[],
): Origin {
  if (!peer.trusted) return { clientAddress: peer.address, authenticated: false };
  const received = headerValues(fields, 'Received');
  const authenticated = peer.login || AUTHENTICATED.test(received[0] ?? '');
  if (peer.forwardedAddress !== undefined) return { clientAddress: peer.forwardedAddress, authenticated };
  for (const value of received) {
    const address = receivedFrom(value);
    if (address === undefined) break;
    if (!isInNetworks(address, trustedPeers)) return { clientAddress: address, authenticated };
  }
  return { authenticated };
}
