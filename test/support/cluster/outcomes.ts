import assert from 'node:assert/strict';
import type { GatewayReport } from '../../cluster/pods/gateway.ts';
import type { TakenCopy } from './intake-pod.ts';

/**
 * Every message that the gateway was rid of has its copy, and one alone; a second one is there only where the gateway itself
 * had to hand over twice. `doubles`: whether delivery may have lost a final answer too; such a copy carries the same journal id.
 */
export function assertEachOnce(
  report: GatewayReport,
  copies: readonly TakenCopy[],
  { doubles = false }: { readonly doubles?: boolean } = {},
): void {
  assert.deepEqual(report.refused, [], 'messages refused for good');
  const journalIds = new Map<string, string[]>();
  for (const { messageId, journalId } of copies) {
    journalIds.set(messageId, [...(journalIds.get(messageId) ?? []), journalId]);
  }
  assert.deepEqual(
    report.accepted.filter(({ messageId }) => !journalIds.has(messageId)),
    [],
    'accepted messages without a copy',
  );
  const handedOverTwice = new Set(report.uncertain);
  const doubled = [...journalIds].filter(
    ([messageId, ids]) => (doubles ? new Set(ids).size : ids.length) > 1 && !handedOverTwice.has(messageId),
  );
  assert.deepEqual(doubled, [], 'doubled copies');
  assert.deepEqual(
    copies.filter(({ tls }) => !tls),
    [],
    'copies in clear text',
  );
}
