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

export const DEFAULT_SENDER_SOURCES: readonly SenderSource[] = ['envelope', 'from', 'reply-to'];

/** Name under which the default policy appears in logs and metrics. */
export const DEFAULT_POLICY_NAME = 'DEFAULT';
