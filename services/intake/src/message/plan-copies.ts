import {
  type BareNewlineHandling,
  type DecidedSplinter,
  invariant,
  type JournalCopy,
  type Mid,
  type SkipReason,
} from '@tdc/core';
import type { SpooledBody } from '@tdc/platform';
import type { IncomingMessage } from '../ports.ts';

/** A splinter with the MID under which it goes on. */
export interface PlannedSplinter {
  readonly mid: Mid;
  readonly splinter: DecidedSplinter;
  /** The copy that is due; undefined when the splinter is skipped. */
  readonly copy: JournalCopy | undefined;
}

export interface PlanInput {
  readonly message: IncomingMessage;
  readonly splinters: readonly DecidedSplinter[];
  /** The message's own, '' when it has none. */
  readonly messageIdHeader: string;
  readonly body: SpooledBody;
  readonly eightBit: boolean;
  readonly bareNewlines: BareNewlineHandling;
  readonly clientAddress: string | undefined;
  readonly policyRevision: number;
  readonly enqueuedAt: number;
  readonly expiresAt: number;
}

/** Sources of what a plan cannot make up by itself. */
export interface PlanSources {
  /** One for each splinter. */
  readonly mids: readonly Mid[];
  readonly createJournalId: () => string;
}

/** Gives each splinter its MID, and makes the copies of those that are not skipped. */
export function planCopies(input: PlanInput, sources: PlanSources): readonly PlannedSplinter[] {
  return input.splinters.map((splinter, index) => {
    const mid = sources.mids[index];
    invariant(mid !== undefined, 'every splinter has a MID');
    return { mid, splinter, copy: copyFor(input, mid, splinter, sources) };
  });
}

function copyFor(
  input: PlanInput,
  mid: Mid,
  splinter: DecidedSplinter,
  sources: PlanSources,
): JournalCopy | undefined {
  if (splinter.action.kind === 'skip') return undefined;
  const { intake } = splinter.action;
  return {
    mid,
    journalId: sources.createJournalId(),
    route: {
      intake: intake.alias,
      address: intake.address,
      ...(intake.host === undefined ? {} : { host: intake.host }),
      port: intake.port,
      format: intake.format,
      envelopeSender: intake.envelopeSender,
      remoteIpHeader: intake.remoteIpHeader,
    },
    policy: splinter.policy,
    policyRevision: input.policyRevision,
    sender: input.message.sender,
    recipients: splinter.recipients,
    ...(input.clientAddress === undefined ? {} : { clientAddress: input.clientAddress }),
    messageIdHeader: input.messageIdHeader,
    sizeBytes: input.body.sizeBytes,
    sha256: input.body.sha256,
    eightBit: input.eightBit,
    smtpUtf8: input.message.smtpUtf8,
    bareNewlines: input.bareNewlines,
    enqueuedAt: input.enqueuedAt,
    expiresAt: input.expiresAt,
  };
}

export const copiesOf = (planned: readonly PlannedSplinter[]): readonly JournalCopy[] =>
  planned.flatMap(({ copy }) => copy ?? []);

export const skipsOf = (planned: readonly PlannedSplinter[]): readonly SkipReason[] =>
  planned.flatMap(({ splinter }) => (splinter.action.kind === 'skip' ? splinter.action.reason : []));
