import {
  addressKey,
  type HeaderField,
  headerValue,
  headerValues,
  JOURNAL_ID_HEADER,
  oncePer,
  type PolicyDocument,
  parseAddress,
} from '@tdc/core';
import type { JournalIds } from '@tdc/platform';

export interface LoopFinding {
  /** One of our own copies, or mail to an intake address. */
  readonly loop: boolean;
  /** A bounce that one of our copies brought about. */
  readonly bounceOfCopy: boolean;
}

export interface LoopInput {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly fields: readonly HeaderField[];
  /** The beginning of the body. */
  readonly bodyStart: Uint8Array;
}

/** The intake addresses of a document, as keys. */
const intakeKeys = oncePer(
  ({ intakes }: PolicyDocument): ReadonlySet<string> =>
    new Set(Object.values(intakes).map(({ address }) => addressKey(parseAddress(address)))),
);

/**
 * Recognises what must never be copied again (spec §2). Only an id that we signed counts: a forged one would let its
 * sender pass unscanned.
 */
export function findLoop(input: LoopInput, document: PolicyDocument, ids: JournalIds): LoopFinding {
  const intakes = intakeKeys(document);
  const toIntake = input.recipients.some((recipient) => intakes.has(addressKey(parseAddress(recipient))));
  const ownCopy = headerValues(input.fields, JOURNAL_ID_HEADER).some((id) => ids.isOurs(id));
  const maybeBounce =
    input.sender === '' || /^multipart\/report\b/i.test(headerValue(input.fields, 'Content-Type') ?? '');
  const bounceOfCopy =
    maybeBounce && ids.findOurs(Buffer.from(input.bodyStart).toString('latin1')) !== undefined;
  return { loop: toIntake || ownCopy, bounceOfCopy };
}
