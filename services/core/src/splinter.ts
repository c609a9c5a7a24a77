import { addressKey, parseAddress } from './address.ts';
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

function sendersOf(input: SplinterInput, sources: readonly SenderSource[]): MatchContext['senders'] {
  const texts: Readonly<Record<SenderSource, readonly string[]>> = {
    envelope: input.sender === '' ? [] : [input.sender],
    from: input.from,
    'reply-to': input.replyTo,
  };
  return sources.flatMap((source) => texts[source].map((text) => ({ source, address: parseAddress(text) })));
}

/** Each recipient once, as first written: the same address twice is one recipient. */
export function distinctRecipients(recipients: readonly string[]): readonly string[] {
  const seen = new Map<string, string>();
  for (const recipient of recipients) {
    const key = addressKey(parseAddress(recipient));
    if (!seen.has(key)) seen.set(key, recipient);
  }
  return [...seen.values()];
}

/**
 * Groups the recipients of a message by the policy that takes each, in the order of the table, the default policy
 * last. The splinters partition the distinct recipients; each keeps the order of the envelope (spec §3).
 */
export function splinter(
  table: readonly MailPolicy[],
  sources: readonly SenderSource[],
  input: SplinterInput,
): readonly Splinter[] {
  const recipients = distinctRecipients(input.recipients);
  const context = { senders: sendersOf(input, sources), recipients: recipients.map(parseAddress) };
  const match = mailPolicyMatcher(table, context);
  const groups = new Map<MailPolicy | undefined, { recipients: string[]; reason: string }>();
  for (const recipient of recipients) {
    const { policy, reason } = match(parseAddress(recipient));
    const group = groups.get(policy) ?? { recipients: [], reason };
    group.recipients.push(recipient);
    groups.set(policy, group);
  }
  return [...table, undefined].flatMap((policy) => {
    const group = groups.get(policy);
    return group === undefined ? [] : [{ policy, policyName: policy?.name ?? DEFAULT_POLICY_NAME, ...group }];
  });
}
