import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { GatewayReport } from '../../cluster/pods/gateway.ts';
import type { TakenCopy } from './intake-pod.ts';
import type { Stretch } from './use-trial.ts';

export interface Leniency {
  /** Whether delivery may have lost a final answer too; a copy that is doubled for it carries the same journal id. */
  readonly doubles?: boolean;
}

/** A stretch of mail lost nothing, doubled nothing, gave up nothing, and its account balances. */
export function assertStretch(
  test: TestContext,
  { report, copies, before, account }: Stretch,
  leniency?: Leniency,
): void {
  const { accepted, uncertain, answeredLater, deferred } = report;
  test.diagnostic(
    `${accepted.length} accepted, ${uncertain.length} cut and ${answeredLater.length} answered 4xx when they were whole, ` +
      `deferred: ${JSON.stringify(deferred)}`,
  );
  assertEachOnce(report, copies, leniency);
  assert.equal(account.hardBounced, before.hardBounced, 'a copy was given up');
  assert.equal(account.difference, 0);
}

/**
 * Every message that the gateway was rid of has its copy, and one alone; a second one is there only where the gateway itself
 * had to hand over twice: its answer was lost, or was "later" when Redis went away with what had been done for it.
 */
function assertEachOnce(
  report: GatewayReport,
  copies: readonly TakenCopy[],
  { doubles = false }: Leniency = {},
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
  const handedOverTwice = new Set([...report.uncertain, ...report.answeredLater]);
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
