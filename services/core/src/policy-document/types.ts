import type { ConnectorSetting, Intake } from '../intake-setting.ts';
import type { MailPolicy, SenderSource } from '../mail-policy.ts';
import type { Verdict } from '../verdict.ts';

/** A header that a trusted gateway writes and the verdict it stands for; `pattern` is a regular expression. */
export interface HeaderRule {
  readonly header: string;
  readonly pattern: string;
  readonly verdict: Verdict;
}

export interface DirectionRules {
  /** When not empty, mail without a recipient in these domains (or below, with a leading dot) is relayed mail. */
  readonly localDomains: readonly string[];
  /** Clients in these networks send outgoing mail, CIDR form. */
  readonly relayNetworks: readonly string[];
}

export interface VerdictRules {
  readonly journaled: readonly Verdict[];
  /** Rules of the site, looked at beside the built-in ones. */
  readonly headers: readonly HeaderRule[];
  /** The built-in rule sets that are read; all of them by default. */
  readonly builtIn: readonly string[];
}

/** The policy document of spec §10, validated, with every default filled in. */
export interface PolicyDocument {
  /** The connector's global switch. */
  readonly enabled: boolean;
  readonly intakes: Readonly<Record<string, Intake>>;
  /** Alias behind "Default message intake address". */
  readonly defaultIntake?: string;
  readonly senderSources: readonly SenderSource[];
  readonly direction: DirectionRules;
  readonly verdicts: VerdictRules;
  /** Top down, first match wins; the default policy follows the last. */
  readonly policies: readonly MailPolicy[];
  readonly defaultConnector: ConnectorSetting;
}

/** A revision as it travels from the policy service to its watchers. */
export interface PolicySnapshot {
  readonly revision: number;
  /** SHA-256 of the source document, lower-case hex. */
  readonly sha256: string;
  readonly document: PolicyDocument;
}

/** One thing wrong with a document: where (`policies[2].users[0].sender`) and what is allowed there. */
export interface DocumentProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}
