import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type DeliveryFailure,
  describeFailure,
  type HardBounceReason,
  hardBounceReason,
} from './delivery-failure.ts';

const CASES: readonly (readonly [
  failure: DeliveryFailure,
  reason: HardBounceReason,
  temporary: string,
  final: string,
])[] = [
  [
    { kind: 'smtp-reply', stage: 'mail', reply: { code: 550, enhanced: '5.7.1', text: 'no' } },
    '5xx',
    '5.7.1',
    '5.7.1',
  ],
  [{ kind: 'smtp-reply', stage: 'data', reply: { code: 451, text: 'later' } }, '4xx', '4.0.0', '4.0.0'],
  [{ kind: 'dns', domain: 'x', record: 'MX', code: 'NullMX' }, 'dns', '5.1.2', '5.1.2'],
  [{ kind: 'dns', domain: 'x', record: 'A', code: 'Timeout' }, 'dns', '4.4.3', '5.4.3'],
  [{ kind: 'tls', reason: 'certificate', detail: 'expired' }, 'tls', '5.7.5', '5.7.5'],
  [{ kind: 'network', reason: 'refused', detail: 'connection refused' }, 'network', '4.4.1', '5.4.1'],
  [{ kind: 'uncertain', detail: 'closed' }, 'uncertain', '4.4.2', '5.4.2'],
  [{ kind: 'unconveyable', reason: 'eight-bit', detail: 'no 8BITMIME' }, 'unconveyable', '5.6.3', '5.6.3'],
  [{ kind: 'spool', reason: 'mismatch' }, 'spool', '5.3.0', '5.3.0'],
];

describe('a failure', () => {
  for (const [failure, reason, temporary, final] of CASES) {
    const name =
      failure.kind === 'smtp-reply'
        ? `${failure.kind} ${failure.reply.code}`
        : `${failure.kind} ${'code' in failure ? failure.code : ''}`;
    it(`${name} has its reason and its status`, () => {
      assert.equal(hardBounceReason(failure), reason);
      assert.equal(describeFailure(failure, false).status, temporary);
      assert.equal(describeFailure(failure, true).status, final);
    });
  }

  it('of a server names its code, of anything else 000', () => {
    assert.deepEqual(
      CASES.map(([failure]) => describeFailure(failure, true).code),
      ['550', '451', ...Array.from({ length: 7 }, () => '000')],
    );
  });
});
