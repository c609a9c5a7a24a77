import type { HardBounceReason } from './delivery-failure.ts';
import type { Mid } from './ids.ts';
import { formatTrackingDate } from './mail-date.ts';
import { failureSuffix } from './mail-log-text.ts';

/** Where one copy stands, as message tracking tells it. `at` in milliseconds since the epoch. */
export type TrackedFate =
  | { readonly kind: 'active'; readonly at: number; readonly attempts: number }
  | { readonly kind: 'delivered'; readonly at: number }
  | { readonly kind: 'hard-bounced'; readonly at: number; readonly reason: HardBounceReason }
  | { readonly kind: 'deleted'; readonly at: number };

function fateText(mid: Mid, fate: TrackedFate): string {
  switch (fate.kind) {
    case 'active':
      return fate.attempts === 0
        ? `TDC: Message ${mid} is enqueued for forwarding to Cisco Secure Email Threat Defense.`
        : `TDC: Message ${mid} is enqueued for another attempt to forward it to Cisco Secure Email Threat Defense.`;
    case 'delivered':
      return `TDC: Message ${mid} was successfully delivered for scanning with Cisco Secure Email Threat Defense.`;
    case 'hard-bounced':
      return `TDC: Message ${mid} delivery failed to Cisco Secure Email Threat Defense:${failureSuffix(fate.reason)}`;
    case 'deleted':
      return `TDC: Message ${mid} was deleted from the delivery queue by an operator.`;
  }
}

/** The one line of message tracking under its time (spec §7); `offsetMinutes` east of UTC. */
export function renderTrackingLine(mid: Mid, fate: TrackedFate, offsetMinutes: number): string {
  return `${formatTrackingDate(fate.at, offsetMinutes)} | ${fateText(mid, fate)}`;
}
