import { type HardBounceReason, quoteForLog, renderTrackingLine, type TrackedFate, toMid } from '@tdc/core';
import { localOffsetMinutes } from '@tdc/platform';
import type { monitorV1 } from '@tdc/proto';

/** Whether the copy has an outcome. */
export const isFinished = (copy: monitorV1.TrackedCopy): boolean => copy.finishedAtMs > 0;

function fateOf(copy: monitorV1.TrackedCopy): TrackedFate {
  const at = copy.finishedAtMs;
  switch (copy.state) {
    case 'delivered':
      return { kind: 'delivered', at };
    case 'hard-bounced':
      return { kind: 'hard-bounced', at, reason: copy.lastReason as HardBounceReason };
    case 'deleted':
      return { kind: 'deleted', at };
    default:
      return { kind: 'active', at: copy.enqueuedAtMs, attempts: copy.finishedAttempts };
  }
}

/** The one line of message tracking, in local time. */
export function trackingLine(copy: monitorV1.TrackedCopy): string {
  const fate = fateOf(copy);
  return renderTrackingLine(toMid(copy.mid), fate, localOffsetMinutes(fate.at));
}

const iso = (at: number): string => (at === 0 ? '-' : new Date(at).toISOString());

/** What else is known, a line each. */
export function trackingDetails(copy: monitorV1.TrackedCopy): readonly string[] {
  const rows: readonly (readonly [string, string | number])[] = [
    ['Message-ID', copy.messageId],
    ['sender', `<${copy.sender}>`],
    ['recipients', copy.recipients.map((one) => `<${one}>`).join(' ')],
    ['policy', `${copy.policy} (revision ${copy.policyRevision})`],
    ['intake', `${copy.intake} <${copy.intakeAddress}>`],
    ['journal id', copy.journalId],
    ['size', `${copy.sizeBytes} bytes`],
    ['enqueued', iso(copy.enqueuedAtMs)],
    ['expires', iso(copy.expiresAtMs)],
    ['finished', iso(copy.finishedAtMs)],
    ['attempts', copy.finishedAttempts],
    ['last DCID', copy.lastDcid],
    ['last reason', copy.lastReason === '' ? '-' : copy.lastReason],
    ['last answer', copy.lastResponse === '' ? '-' : copy.lastResponse],
  ];
  // A sender's header and a peer's answer must not write to the terminal as they like.
  return rows.map(([name, value]) => `    ${name.padEnd(12)} ${quoteForLog(String(value))}`);
}
