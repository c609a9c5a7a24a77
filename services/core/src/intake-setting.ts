import type { PolicyDocument } from './policy-document/types.ts';

/** `journal`: report plus message/rfc822 of the original. `bcc`: the original with headers prepended (spec §4). */
export type CopyFormat = 'journal' | 'bcc';

export const COPY_FORMATS = ['journal', 'bcc'] as const satisfies readonly CopyFormat[];

/** Messages per connection when an intake does not say: the gateway's default, and what SETD documents for bcc. */
export const DEFAULT_MESSAGES_PER_CONNECTION: Readonly<Record<CopyFormat, number>> = { journal: 50, bcc: 10 };

export interface IntakeTls {
  /** Verify the certificate chain and the host name. */
  readonly verify: boolean;
  /** Extra trust anchors, PEM. */
  readonly ca?: string;
  /** The name the certificate must carry; without it the MX host name. */
  readonly serverName?: string;
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface IntakeLimits {
  /** Connections at once, over all delivery workers together. */
  readonly connections: number;
  readonly messagesPerConnection: number;
}

/** One message intake: an address and how copies are carried to it. */
export interface Intake {
  readonly alias: string;
  readonly address: string;
  readonly host?: string;
  readonly port: number;
  readonly format: CopyFormat;
  readonly envelopeSender: string;
  readonly remoteIpHeader: string;
  readonly tls: IntakeTls;
  readonly limits: IntakeLimits;
}

/** What a policy's last column holds: No Scan, Default or Custom message intake address, or the default policy's. */
export type ConnectorSetting =
  | { readonly kind: 'no-scan' }
  | { readonly kind: 'default' }
  | { readonly kind: 'custom'; readonly intake: string }
  | { readonly kind: 'inherit' };

export type ResolvedIntake =
  | { readonly kind: 'intake'; readonly intake: Intake }
  | { readonly kind: 'skip'; readonly reason: 'disabled' | 'no-scan' | 'no-intake-address' };

/** Where copies under this setting go, or why there are none (spec §2, last rows). */
export function resolveIntake(document: PolicyDocument, connector: ConnectorSetting): ResolvedIntake {
  if (!document.enabled) return { kind: 'skip', reason: 'disabled' };
  const setting = connector.kind === 'inherit' ? document.defaultConnector : connector;
  if (setting.kind === 'no-scan') return { kind: 'skip', reason: 'no-scan' };
  const alias = setting.kind === 'custom' ? setting.intake : document.defaultIntake;
  const intake =
    alias !== undefined && Object.hasOwn(document.intakes, alias) ? document.intakes[alias] : undefined;
  return intake === undefined ? { kind: 'skip', reason: 'no-intake-address' } : { kind: 'intake', intake };
}

/** The last column of the policy table: `Disabled`, `Enabled`, or `(use default)` when inherited (spec §3). */
export function connectorColumn(document: PolicyDocument, connector: ConnectorSetting): string {
  if (connector.kind === 'inherit') return '(use default)';
  return resolveIntake(document, connector).kind === 'intake' ? 'Enabled' : 'Disabled';
}
