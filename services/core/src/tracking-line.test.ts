import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toMid } from './ids.ts';
import { renderTrackingLine, type TrackedFate } from './tracking-line.ts';

const at = Date.UTC(2024, 1, 17, 3, 19, 24);
const HEAD = '16 Feb 2024 21:19:24 (GMT -06:00) | TDC: Message 14501404';
const SCANNER = 'Cisco Secure Email Threat Defense';

const CASES: readonly (readonly [fate: TrackedFate, text: string])[] = [
  [{ kind: 'delivered', at }, `was successfully delivered for scanning with ${SCANNER}.`],
  [{ kind: 'hard-bounced', at, reason: 'tls' }, `delivery failed to ${SCANNER}:TLS Error.`],
  [{ kind: 'hard-bounced', at, reason: '5xx' }, `delivery failed to ${SCANNER}: Hard Bounced.`],
  [
    { kind: 'hard-bounced', at, reason: 'expired' },
    `delivery failed to ${SCANNER}: Delivery expired (message too old).`,
  ],
  [{ kind: 'deleted', at }, 'was deleted from the delivery queue by an operator.'],
  [{ kind: 'active', at, attempts: 0 }, `is enqueued for forwarding to ${SCANNER}.`],
  [{ kind: 'active', at, attempts: 1 }, `is enqueued for another attempt to forward it to ${SCANNER}.`],
];

describe('the tracking line', () => {
  for (const [fate, text] of CASES) {
    it(text, () => assert.equal(renderTrackingLine(toMid(14501404), fate, -360), `${HEAD} ${text}`));
  }
});
