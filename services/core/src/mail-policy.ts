import type { Address } from './address.ts';
import type { ConnectorSetting } from './intake-setting.ts';

/**
 * One entry of a user list, already compiled to lower case and A-labels. `user@example.com`, `user@`,
 * `@example.com`, `@.example.com` (any sub-domain) or a named group, which stands for its members.
 */
export type UserPattern =
  | { readonly kind: 'address'; readonly local: string; readonly domain: string }
  | { readonly kind: 'local-part'; readonly local: string }
  | { readonly kind: 'domain'; readonly domain: string }
  | { readonly kind: 'sub-domain'; readonly domain: string }
  | { readonly kind: 'group'; readonly name: string; readonly members: readonly UserPattern[] };

export type SenderPart =
  | { readonly kind: 'any' }
  | { readonly kind: 'one-of'; readonly users: readonly UserPattern[] }
  | { readonly kind: 'none-of'; readonly users: readonly UserPattern[] };

/** `join: 'all'` is the gateway's "only if all conditions match": every listed recipient is on the message. */
export type RecipientPart =
  | { readonly kind: 'any' }
  | { readonly kind: 'listed'; readonly join: 'any' | 'all'; readonly users: readonly UserPattern[] }
  | { readonly kind: 'not-listed'; readonly join: 'any' | 'all'; readonly users: readonly UserPattern[] };

/** One user row: both parts must hold. A policy with several rows matches when any of them does. */
export interface UserRow {
  readonly sender: SenderPart;
  readonly recipient: RecipientPart;
}

export interface MailPolicy {
  readonly name: string;
  readonly users: readonly UserRow[];
  readonly connector: ConnectorSetting;
}

/** Where a sender is looked for, in order. */
export type SenderSource = 'envelope' | 'from' | 'reply-to';

export const SENDER_SOURCES = ['envelope', 'from', 'reply-to'] as const satisfies readonly SenderSource[];
export const DEFAULT_SENDER_SOURCES: readonly SenderSource[] = SENDER_SOURCES;

/** Name under which the default policy appears in logs and metrics. */
export const DEFAULT_POLICY_NAME = 'DEFAULT';

/** What matching looks at: the message as a whole, whichever recipient is asked about. */
export interface MatchContext {
  /** In the order in which they are looked for; a null sender is left out. */
  readonly senders: readonly { readonly source: SenderSource; readonly address: Address }[];
  readonly recipients: readonly Address[];
}

export interface PolicyMatch {
  /** Undefined: the default policy. */
  readonly policy: MailPolicy | undefined;
  /** In words, for `explain`. */
  readonly reason: string;
}

/** Whether the address is the user that the pattern stands for. */
export function matchesUser(pattern: UserPattern, address: Address): boolean {
  switch (pattern.kind) {
    case 'address':
      return address.local === pattern.local && address.domain === pattern.domain;
    case 'local-part':
      return address.local === pattern.local;
    case 'domain':
      return address.domain === pattern.domain;
    case 'sub-domain':
      return address.domain.endsWith(`.${pattern.domain}`);
    case 'group':
      return matchesAny(pattern.members, address);
  }
}

const matchesAny = (users: readonly UserPattern[], address: Address): boolean =>
  users.some((user) => matchesUser(user, address));

/** A pattern as the policy document writes it. */
export function formatUserPattern(pattern: UserPattern): string {
  switch (pattern.kind) {
    case 'address':
      return `${pattern.local}@${pattern.domain}`;
    case 'local-part':
      return `${pattern.local}@`;
    case 'domain':
      return `@${pattern.domain}`;
    case 'sub-domain':
      return `@.${pattern.domain}`;
    case 'group':
      return `group:${pattern.name}`;
  }
}

/** Why the sender part holds, in words; undefined when it does not. */
function senderReason(part: SenderPart, context: MatchContext): string | undefined {
  if (part.kind === 'any') return 'any sender';
  for (const { source, address } of context.senders) {
    const user = part.users.find((pattern) => matchesUser(pattern, address));
    if (user === undefined) continue;
    return part.kind === 'one-of' ? `${source} sender is ${formatUserPattern(user)}` : undefined;
  }
  return part.kind === 'none-of' ? 'sender is none of the listed' : undefined;
}

/** Whether every listed user is on the message, whoever is asked about. */
const allOnMessage = (users: readonly UserPattern[], context: MatchContext): boolean =>
  users.every((user) => context.recipients.some((recipient) => matchesUser(user, recipient)));

type RecipientTest = (recipient: Address) => string | undefined;

/** Tells of a recipient why the recipient part holds, in words; undefined when it does not. */
function recipientTest(part: RecipientPart, context: MatchContext): RecipientTest {
  if (part.kind === 'any') return () => 'any recipient';
  const listedAs = (recipient: Address) => part.users.find((pattern) => matchesUser(pattern, recipient));
  if (part.join === 'any') {
    return part.kind === 'listed'
      ? (recipient) => isListed(listedAs(recipient))
      : (recipient) => (listedAs(recipient) === undefined ? 'recipient is none of the listed' : undefined);
  }
  const all = allOnMessage(part.users, context);
  if (part.kind === 'listed') {
    const whole = 'all listed recipients being on the message';
    return (recipient) => (all ? isListed(listedAs(recipient), whole) : undefined);
  }
  return () => (all ? undefined : 'not all listed recipients are on the message');
}

const isListed = (user: UserPattern | undefined, ...more: readonly string[]): string | undefined =>
  user === undefined ? undefined : [`recipient is ${formatUserPattern(user)}`, ...more].join(', ');

interface LiveRow {
  readonly policy: MailPolicy;
  readonly reason: string;
  readonly test: RecipientTest;
}

/**
 * Finds the policy of each recipient of one message: top down, the first match wins; the default policy, which matches
 * everyone, is last (spec §3). What holds for the message as a whole is looked at once, not for every recipient.
 */
export function mailPolicyMatcher(
  table: readonly MailPolicy[],
  context: MatchContext,
): (recipient: Address) => PolicyMatch {
  const rows = table.flatMap((policy) =>
    policy.users.flatMap((row, index): LiveRow | readonly [] => {
      const sender = senderReason(row.sender, context);
      if (sender === undefined) return [];
      const test = recipientTest(row.recipient, context);
      return { policy, reason: `user row ${index + 1}: ${sender}`, test };
    }),
  );
  return (recipient) => {
    for (const { policy, reason, test } of rows) {
      const target = test(recipient);
      if (target !== undefined) return { policy, reason: `${reason}, ${target}` };
    }
    return { policy: undefined, reason: 'no other policy matches' };
  };
}

/** The policy of one recipient; {@link mailPolicyMatcher} serves several better. */
export const matchMailPolicy = (
  table: readonly MailPolicy[],
  context: MatchContext,
  recipient: Address,
): PolicyMatch => mailPolicyMatcher(table, context)(recipient);
