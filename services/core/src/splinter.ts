import { type Address, addressKey, parseAddress } from './address.ts';
import {
  DEFAULT_POLICY_NAME,
  type MailPolicy,
  type MatchContext,
  mailPolicyMatcher,
  type SenderSource,
} from './mail-policy.ts';

/** Envelope and sender headers of one message, as text. */
export interface SplinterInput {
  /** '' is the null sender. */
  readonly sender: string;
  /** addr-specs of the From header. */
  readonly from: readonly string[];
  /** addr-specs of the Reply-To header. */
  readonly replyTo: readonly string[];
  readonly recipients: readonly string[];
}

/** The part of a message whose recipients share a policy. */
export interface Splinter {
  /** Undefined: the default policy. */
  readonly policy: MailPolicy | undefined;
  readonly policyName: string;
  readonly recipients: readonly string[];
  /** Why the policy took the first of its recipients. */
  readonly reason: string;
}

function textsOf(input: SplinterInput, source: SenderSource): readonly string[] {
  switch (source) {
    case 'envelope':
      return input.sender === '' ? [] : [input.sender];
    case 'from':
      return input.from;
    case 'reply-to':
      return input.replyTo;
  }
}

function sendersOf(input: SplinterInput, sources: readonly SenderSource[]): MatchContext['senders'] {
  const senders: MatchContext['senders'][number][] = [];
  for (const source of sources)
    for (const text of textsOf(input, source)) senders.push({ source, address: parseAddress(text) });
  return senders;
}

interface Recipient {
  /** As it was first written. */
  readonly text: string;
  readonly address: Address;
}

const toRecipient = (text: string): Recipient => ({ text, address: parseAddress(text) });

function distinct(recipients: readonly string[]): readonly Recipient[] {
  if (recipients.length < 2) return recipients.map(toRecipient);
  const seen = new Map<string, Recipient>();
  for (const text of recipients) {
    const recipient = toRecipient(text);
    const key = addressKey(recipient.address);
    if (!seen.has(key)) seen.set(key, recipient);
  }
  return [...seen.values()];
}

/** Each recipient once, as first written: the same address twice is one recipient. */
export const distinctRecipients = (recipients: readonly string[]): readonly string[] =>
  recipients.length < 2 ? recipients : distinct(recipients).map(({ text }) => text);

interface Group extends Splinter {
  readonly recipients: string[];
}

const newGroup = (policy: MailPolicy | undefined, recipient: string, reason: string): Group => ({
  policy,
  policyName: policy?.name ?? DEFAULT_POLICY_NAME,
  recipients: [recipient],
  reason,
});

/**
 * Groups the recipients of a message by the policy that takes each, in the order of the table, the default policy
 * last. The splinters partition the distinct recipients; each keeps the order of the envelope (spec §3).
 */
export function splinter(
  table: readonly MailPolicy[],
  sources: readonly SenderSource[],
  input: SplinterInput,
): readonly Splinter[] {
  const recipients = distinct(input.recipients);
  const context = {
    senders: sendersOf(input, sources),
    recipients: recipients.map(({ address }) => address),
  };
  const match = mailPolicyMatcher(table, context);
  const groups = new Map<MailPolicy | undefined, Group>();
  for (const { text, address } of recipients) {
    const { policy, reason } = match(address);
    const group = groups.get(policy);
    if (group !== undefined) group.recipients.push(text);
    else groups.set(policy, newGroup(policy, text, reason));
  }
  // Most messages are one group: the table need not be gone through for its order.
  if (groups.size < 2) return [...groups.values()];
  return [...table, undefined].flatMap((policy) => groups.get(policy) ?? []);
}
