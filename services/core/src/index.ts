export type { Address } from './address.ts';
export { addressKey, isDomain, isMailAddress, parseAddress, toAsciiDomain } from './address.ts';
export { bccFrame } from './bcc-headers.ts';
export type { FailedCopy } from './bounce-lines.ts';
export { failureEvents, hardBounceEvents, softBounceEvents } from './bounce-lines.ts';
export type { ConnectionLimits, DestinationLoad } from './connection-scaling.ts';
export { connectionTarget } from './connection-scaling.ts';
export type { ConnectionEvent, ConnectionState } from './connection-state.ts';
export { nextConnectionState } from './connection-state.ts';
export type { IntakeCounters, QueueCounters, SkipReason } from './counters.ts';
export {
  accountingDifference,
  activeRecipients,
  completedRecipients,
  hardBouncedRecipients,
  NO_COUNTS,
  queueTotals,
  SKIP_REASONS,
  skippedMessages,
  softBouncedEvents,
} from './counters.ts';
export type {
  DeliveryFailure,
  DeliveryOutcome,
  DnsFailureCode,
  FailureDescription,
  HardBounceReason,
  NetworkFailureReason,
  SoftBounceReason,
  SpoolFailureReason,
  TlsFailureReason,
  UnconveyableReason,
} from './delivery-failure.ts';
export {
  DELIVERY_EXPIRED,
  describeFailure,
  HARD_BOUNCE_REASONS,
  hardBounceReason,
  isHardDnsFailure,
  SOFT_BOUNCE_REASONS,
} from './delivery-failure.ts';
export type { Direction, DirectionFinding, DirectionInput } from './direction.ts';
export { classifyDirection, isLocalRecipient } from './direction.ts';
export { decodeHeaderText } from './encoded-words.ts';
export type { HeaderField, HeaderSection } from './header-fields.ts';
export {
  findSubject,
  headerValue,
  headerValues,
  messageIdOf,
  parseHeaderFields,
  subjectOf,
} from './header-fields.ts';
export { headerField, listField, oneLine } from './header-text.ts';
export type { VerdictFinding } from './header-verdict.ts';
export { BUILT_IN_RULE_SETS, classifyVerdict, isJournaled } from './header-verdict.ts';
export type { HostState } from './host-state.ts';
export { UNKNOWN_HOST } from './host-state.ts';
export type { HostStatusView } from './hoststatus.ts';
export { hardBouncedInAll, noRecordOfHost, renderHostStatus } from './hoststatus.ts';
export type { Dcid, Icid, Mid, Rid } from './ids.ts';
export { NO_CONNECTION, toDcid, toIcid, toMid, toRid } from './ids.ts';
export type {
  ConnectorSetting,
  CopyFormat,
  Intake,
  IntakeLimits,
  IntakeTls,
  ResolvedIntake,
} from './intake-setting.ts';
export {
  COPY_FORMATS,
  connectorColumn,
  DEFAULT_MESSAGES_PER_CONNECTION,
  resolveIntake,
} from './intake-setting.ts';
export { InvariantError, invariant } from './invariant.ts';
export type { BareNewlineHandling, CopyRoute, JournalCopy } from './journal-copy.ts';
export { MAX_QUEUE_AGE_SECONDS, TDC_QUEUE, wayOf } from './journal-copy.ts';
export type { CopyFrame, JournalInput } from './journal-report.ts';
export {
  BARE_NEWLINES_HEADER,
  boundaryOf,
  JOURNAL_ID_HEADER,
  journalFrame,
  journalReportLines,
} from './journal-report.ts';
export { formatLogDate, formatMessageDate, formatTrackingDate, formatUtcDate } from './mail-date.ts';
export type { ConnectionEnds, LogLevel, MailLogEvent } from './mail-log.ts';
export { formatMailLogJson } from './mail-log-json.ts';
export { failureSuffix, formatMailLogLine, levelOf, mailLogText, quoteForLog } from './mail-log-text.ts';
export type {
  MailPolicy,
  MatchContext,
  PolicyMatch,
  RecipientPart,
  SenderPart,
  SenderSource,
  UserPattern,
  UserRow,
} from './mail-policy.ts';
export {
  DEFAULT_POLICY_NAME,
  DEFAULT_SENDER_SOURCES,
  formatUserPattern,
  matchesUser,
  matchMailPolicy,
} from './mail-policy.ts';
export { mailboxesOf } from './mailbox-list.ts';
export type { Network } from './network.ts';
export { isInNetworks, networkContains, parseIpAddress, parseNetwork } from './network.ts';
export type { CopyAction, DecidedSplinter, PolicyDecision, ReceivedMail } from './policy-decision.ts';
export { decide } from './policy-decision.ts';
export { formatProblemPath, nearest } from './policy-document/checker.ts';
export type { ParsedDocument } from './policy-document/parse.ts';
export { parsePolicyDocument } from './policy-document/parse.ts';
export type {
  DirectionRules,
  DocumentProblem,
  HeaderRule,
  PolicyDocument,
  PolicySnapshot,
  VerdictRules,
} from './policy-document/types.ts';
export { oncePer } from './remember.ts';
export type { AttemptContext, NextStep, RetryRules } from './retry-rules.ts';
export { isExpired, MAX_ATTEMPTS, nextStep, retryReason } from './retry-rules.ts';
export type { SmtpReply, SmtpStage } from './smtp-reply.ts';
export { formatReply, parseReply } from './smtp-reply.ts';
export type { Splinter, SplinterInput } from './splinter.ts';
export { distinctRecipients, splinter } from './splinter.ts';
export type { TopHostsColumn, TopHostsRow } from './tophosts.ts';
export { renderTopHosts, sortTopHosts, TOP_HOSTS_COLUMNS, withThousands } from './tophosts.ts';
export type { TrackedFate } from './tracking-line.ts';
export { renderTrackingLine } from './tracking-line.ts';
export type { Verdict } from './verdict.ts';
export { DEFAULT_JOURNALED_VERDICTS, VERDICTS } from './verdict.ts';
