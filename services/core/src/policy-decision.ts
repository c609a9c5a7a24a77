import type { SkipReason } from './counters.ts';
import { classifyDirection, type Direction, isLocalRecipient } from './direction.ts';
import type { HeaderField } from './header-fields.ts';
import { headerValues } from './header-fields.ts';
import { classifyVerdict, isJournaled } from './header-verdict.ts';
import { type Intake, resolveIntake } from './intake-setting.ts';
import type { SenderSource } from './mail-policy.ts';
import { mailboxesOf } from './mailbox-list.ts';
import type { DirectionRules, PolicyDocument } from './policy-document/types.ts';
import { distinctRecipients, type Splinter, type SplinterInput, splinter } from './splinter.ts';
import type { Verdict } from './verdict.ts';

/** All that a decision looks at. */
export interface ReceivedMail {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly clientAddress?: string;
  /** The client logged in, as a trusted gateway tells. */
  readonly authenticated: boolean;
  readonly fields: readonly HeaderField[];
  /** The peer's headers count. */
  readonly trusted: boolean;
  /** The message is one of our own copies, or is addressed to an intake. */
  readonly loop: boolean;
  /** The message is a bounce that one of our copies brought about. */
  readonly bounceOfCopy: boolean;
}

export type CopyAction =
  | { readonly kind: 'enqueue'; readonly intake: Intake }
  | { readonly kind: 'skip'; readonly reason: SkipReason };

/** What becomes of one splinter. */
export interface DecidedSplinter {
  /** '' where the decision fell before any policy was asked. */
  readonly policy: string;
  readonly recipients: readonly string[];
  readonly matchReason: string;
  readonly action: CopyAction;
}

export interface PolicyDecision {
  readonly direction: Direction;
  readonly directionReason: string;
  readonly verdict: Verdict;
  readonly verdictReason: string;
  readonly ignoredHeaders: number;
  /** At least one; each counts as one message seen. */
  readonly splinters: readonly DecidedSplinter[];
}

const skip = (reason: SkipReason): CopyAction => ({ kind: 'skip', reason });

/** A reason that holds for the message as a whole, before any policy is asked. */
function wholeMessageSkip(mail: ReceivedMail, direction: Direction): SkipReason | undefined {
  if (mail.loop) return 'loop';
  if (mail.bounceOfCopy) return 'bounce-of-copy';
  return direction === 'incoming' ? undefined : direction;
}

function actionFor(document: PolicyDocument, part: Splinter, verdict: Verdict): CopyAction {
  const resolved = resolveIntake(document, part.policy?.connector ?? document.defaultConnector);
  if (resolved.kind === 'skip') return skip(resolved.reason);
  if (!isJournaled(verdict, document.verdicts)) return skip(verdict);
  return { kind: 'enqueue', intake: resolved.intake };
}

/** Senders looked at in one header: more is no mail, and each is compared with every user of every list. */
const MAX_MAILBOXES = 1000;

const addressesIn = (mail: ReceivedMail, header: string): readonly string[] =>
  headerValues(mail.fields, header).flatMap(mailboxesOf).slice(0, MAX_MAILBOXES);

/** What the policies look at of a message; its headers are not read where none looks there. */
function splinterInput(
  { policies, senderSources }: PolicyDocument,
  mail: ReceivedMail,
  recipients: readonly string[],
): SplinterInput {
  const asked = (source: SenderSource): boolean => policies.length > 0 && senderSources.includes(source);
  return {
    sender: mail.sender,
    from: asked('from') ? addressesIn(mail, 'From') : [],
    replyTo: asked('reply-to') ? addressesIn(mail, 'Reply-To') : [],
    recipients,
  };
}

/** The recipients in local domains, and the others. */
function byPlace(
  recipients: readonly string[],
  rules: DirectionRules,
): { readonly local: readonly string[]; readonly foreign: readonly string[] } {
  if (rules.localDomains.length === 0) return { local: recipients, foreign: [] };
  const local: string[] = [];
  const foreign: string[] = [];
  for (const recipient of recipients) (isLocalRecipient(recipient, rules) ? local : foreign).push(recipient);
  return { local, foreign };
}

/**
 * Decides about one message: direction, verdict, splinters, and for each splinter whether a copy is due and where it
 * goes (spec §2, §3). Intake acts on it and `explain` shows it, so the two cannot differ.
 */
export function decide(document: PolicyDocument, mail: ReceivedMail): PolicyDecision {
  const { direction, reason: directionReason } = classifyDirection(mail, document.direction);
  const finding = classifyVerdict(mail.fields, mail.trusted, document.verdicts);
  const found = {
    direction,
    directionReason,
    verdict: finding.verdict,
    verdictReason: finding.reason,
    ignoredHeaders: finding.ignoredHeaders,
  };
  const recipients = distinctRecipients(mail.recipients);
  const whole = wholeMessageSkip(mail, direction);
  if (whole !== undefined) {
    const entry = { policy: '', recipients, matchReason: `not asked: ${whole}`, action: skip(whole) };
    return { ...found, splinters: [entry] };
  }
  const { local, foreign } = byPlace(recipients, document.direction);
  const input = splinterInput(document, mail, local);
  const parts = splinter(document.policies, document.senderSources, input);
  const splinters: DecidedSplinter[] = parts.map((part) => ({
    policy: part.policyName,
    recipients: part.recipients,
    matchReason: part.reason,
    action: actionFor(document, part, finding.verdict),
  }));
  if (foreign.length > 0) {
    splinters.push({
      policy: '',
      recipients: foreign,
      matchReason: 'not asked: recipients outside the local domains',
      action: skip('relayed'),
    });
  }
  return { ...found, splinters };
}
