import { parseAddress } from './address.ts';
import { isInNetworks, type Network, parseNetwork } from './network.ts';
import type { DirectionRules } from './policy-document/types.ts';
import { oncePer } from './remember.ts';

/** Only `incoming` mail is copied (spec §2). */
export type Direction = 'incoming' | 'outgoing' | 'relayed';

export interface DirectionFinding {
  readonly direction: Direction;
  /** In words, for `explain`. */
  readonly reason: string;
}

export interface DirectionInput {
  /** The client logged in, as the gateway tells. */
  readonly authenticated: boolean;
  readonly clientAddress?: string;
  readonly recipients: readonly string[];
}

/** Whether mail for this recipient is ours; every domain is when the document names none, and no domain always is. */
export function isLocalRecipient(recipient: string, rules: DirectionRules): boolean {
  if (rules.localDomains.length === 0) return true;
  const { domain } = parseAddress(recipient);
  // <Postmaster> without a domain is the one of the host that is asked (RFC 5321 §4.5.1).
  if (domain === '') return true;
  return rules.localDomains.some((local) =>
    local.startsWith('.') ? domain.endsWith(local) : domain === local,
  );
}

/** The relay networks of a document. */
const relayNetworksOf = oncePer(({ relayNetworks }: DirectionRules): readonly Network[] =>
  relayNetworks.flatMap((text) => parseNetwork(text) ?? []),
);

/** Finds the direction of a message: who sent it first, then for whom it is. */
export function classifyDirection(input: DirectionInput, rules: DirectionRules): DirectionFinding {
  if (input.authenticated) return { direction: 'outgoing', reason: 'the client was authenticated' };
  const client = input.clientAddress;
  if (client !== undefined && isInNetworks(client, relayNetworksOf(rules))) {
    return { direction: 'outgoing', reason: `client ${client} is in a relay network` };
  }
  if (!input.recipients.some((recipient) => isLocalRecipient(recipient, rules))) {
    return { direction: 'relayed', reason: 'no recipient is in a local domain' };
  }
  return {
    direction: 'incoming',
    reason: rules.localDomains.length === 0 ? 'every domain is local' : 'a recipient is in a local domain',
  };
}
