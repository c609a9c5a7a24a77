import {
  HARD_BOUNCE_REASONS,
  type IntakeCounters,
  type JournalCopy,
  type QueueCounters,
  SKIP_REASONS,
  SOFT_BOUNCE_REASONS,
  toDcid,
} from '@tdc/core';
import type { CopyState, TrackedCopy } from './ledger.ts';

/** The job as the record holds it. */
export const parseJob = (json: string): JournalCopy => JSON.parse(json) as JournalCopy;

/** A copy's record as tracking shows it; undefined when there is none. */
export function toTrackedCopy(record: Readonly<Record<string, string>>): TrackedCopy | undefined {
  const json = record['job'];
  if (json === undefined) return undefined;
  const job = parseJob(json);
  const at = record['at'];
  return {
    mid: job.mid,
    state: (record['state'] ?? 'unattempted') as CopyState,
    messageIdHeader: job.messageIdHeader,
    sender: job.sender,
    recipients: job.recipients,
    policy: job.policy,
    policyRevision: job.policyRevision,
    intake: job.route.intake,
    intakeAddress: job.route.address,
    journalId: job.journalId,
    sizeBytes: job.sizeBytes,
    enqueuedAt: job.enqueuedAt,
    expiresAt: job.expiresAt,
    finishedAttempts: Number(record['attempts'] ?? 0),
    lastDcid: toDcid(Number(record['dcid'] ?? 0)),
    lastReason: record['reason'] ?? '',
    lastResponse: record['response'] ?? '',
    ...(at === undefined ? {} : { finishedAt: Number(at) }),
  };
}

/** Aliases that the counters name, sorted. */
export function intakesIn(fields: Readonly<Record<string, string>>): readonly string[] {
  const aliases = Object.keys(fields)
    .filter((field) => field.startsWith('enqueued:'))
    .map((field) => field.slice('enqueued:'.length));
  return aliases.sort();
}

/** The counters' hash as values: every field that is missing is 0, every unknown one is left out. */
export function toQueueCounters(fields: Readonly<Record<string, string>>): QueueCounters {
  const read = (field: string): number => Number(fields[field] ?? 0);
  const readAll = <K extends string>(keys: readonly K[], prefix: string): Record<K, number> =>
    Object.fromEntries(keys.map((key) => [key, read(`${prefix}${key}`)])) as Record<K, number>;
  const intakeCounters = (alias: string): IntakeCounters => ({
    enqueued: read(`enqueued:${alias}`),
    delivered: read(`delivered:${alias}`),
    softBounced: readAll(SOFT_BOUNCE_REASONS, `soft:${alias}:`),
    hardBounced: readAll(HARD_BOUNCE_REASONS, `hard:${alias}:`),
    deleted: read(`deleted:${alias}`),
    unattempted: read(`unattempted:${alias}`),
    attempted: read(`attempted:${alias}`),
  });
  return {
    seen: read('seen'),
    skipped: readAll(SKIP_REASONS, 'skipped:'),
    intakes: Object.fromEntries(intakesIn(fields).map((alias) => [alias, intakeCounters(alias)])),
  };
}
