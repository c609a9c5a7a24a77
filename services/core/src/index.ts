export type {
  IntakeCounters,
  QueueCounters,
  SkipReason,
} from './counters.ts';
export { SKIP_REASONS } from './counters.ts';
export type {
  DeliveryFailure,
  DeliveryOutcome,
  DnsFailureCode,
  HardBounceReason,
  NetworkFailureReason,
  SoftBounceReason,
  SpoolFailureReason,
  TlsFailureReason,
  UnconveyableReason,
} from './delivery-failure.ts';
export { HARD_BOUNCE_REASONS, SOFT_BOUNCE_REASONS } from './delivery-failure.ts';
export type { Direction } from './direction.ts';
export type { HostState } from './host-state.ts';
export type { Dcid, Icid, Mid, Rid } from './ids.ts';
export { NO_CONNECTION, toDcid, toIcid, toMid, toRid } from './ids.ts';
export type { ConnectorSetting, CopyFormat, Intake, IntakeLimits, IntakeTls } from './intake-setting.ts';
export { COPY_FORMATS, DEFAULT_MESSAGES_PER_CONNECTION } from './intake-setting.ts';
export { InvariantError, invariant } from './invariant.ts';
export type { BareNewlineHandling, CopyRoute, JournalCopy } from './journal-copy.ts';
export { MAX_QUEUE_AGE_SECONDS, TDC_QUEUE } from './journal-copy.ts';
export type { ConnectionEnds, LogLevel, MailLogEvent } from './mail-log.ts';
export type {
  MailPolicy,
  RecipientPart,
  SenderPart,
  SenderSource,
  UserPattern,
  UserRow,
} from './mail-policy.ts';
export { DEFAULT_POLICY_NAME, DEFAULT_SENDER_SOURCES } from './mail-policy.ts';
export type {
  DirectionRules,
  DocumentProblem,
  HeaderRule,
  PolicyDocument,
  PolicySnapshot,
  VerdictRules,
} from './policy-document.ts';
export type { SmtpReply, SmtpStage } from './smtp-reply.ts';
export type { Verdict } from './verdict.ts';
export { DEFAULT_JOURNALED_VERDICTS, VERDICTS } from './verdict.ts';
