export type { GrpcResult } from './grpc/client.ts';
export { CLIENT_OPTIONS, callUnary, grpcTarget, isUnreachable } from './grpc/client.ts';
export { securityProblem } from './grpc/connection-problem.ts';
export type { ClientTransport, GrpcTransport } from './grpc/transport.ts';
export { mutualTlsClient, plaintextTransport } from './grpc/transport.ts';
export type {
  ActiveCopies,
  AttemptTicket,
  CopyState,
  Decision,
  FinalOutcome,
  Ledger,
  TrackedCopy,
} from './ledger/ledger.ts';
export { MidTakenError } from './ledger/ledger.ts';
export type { LedgerOptions } from './ledger/redis-ledger.ts';
export { createLedger } from './ledger/redis-ledger.ts';
export type { FileProblem, PolicyFile } from './policy/policy-file.ts';
export { formatFileProblem, parsePolicyText, readPolicyFile } from './policy/policy-file.ts';
export type { PolicyFollower, PolicyFollowerOptions } from './policy/policy-follower.ts';
export { followPolicy } from './policy/policy-follower.ts';
export type { CommonConfig, CopyHandlingConfig, GrpcListenerConfig } from './process/common-config.ts';
export {
  DEFAULT_GRPC_PORT,
  LISTEN_PORT,
  readCommonConfig,
  readCopyHandlingConfig,
  readGrpcListener,
} from './process/common-config.ts';
export { ConfigError, EXIT_CONFIG, EXIT_SOFTWARE } from './process/config-error.ts';
export type { Environment, HostPort } from './process/env-reader.ts';
export { EnvReader, formatHostPort, parseHostPort } from './process/env-reader.ts';
export { errorText, opensslText } from './process/error-text.ts';
export type { Logger } from './process/logger.ts';
export { createLogger, localOffsetMinutes } from './process/logger.ts';
export type { CounterMetric, GaugeMetric, HistogramMetric, Metrics } from './process/metrics.ts';
export { combinations, createMetrics } from './process/metrics.ts';
export type { ListenFailure, ProbeResult, RouteAnswer } from './process/probe-server.ts';
export { listenFailure } from './process/probe-server.ts';
export { listening, serveGrpc, serveProbes } from './process/serve.ts';
export type { ServiceContext, ServiceDefinition } from './process/service.ts';
export { runService } from './process/service.ts';
export type { DrainStep, Shutdown } from './process/shutdown.ts';
export { createShutdown } from './process/shutdown.ts';
export { VERSION } from './process/version.ts';
export { pause, withDeadline } from './process/waiting.ts';
export { groupEnqueue, MAX_COPIES_PER_JOB } from './queue/group-enqueue.ts';
export type { JournalQueueOptions } from './queue/journal-queue.ts';
export { createJournalQueue } from './queue/journal-queue.ts';
export type { JobHandler, JournalQueueWorkerOptions, UnhandledReason } from './queue/journal-queue-worker.ts';
export { createJournalQueueWorker } from './queue/journal-queue-worker.ts';
export type {
  JobDisposition,
  JournalQueue,
  JournalQueueWorker,
  QueueDepth,
  QueuedCopies,
} from './queue/ports.ts';
export { checkRedisServer, redisMemory } from './redis/check-server.ts';
export type { RedisClient, RedisConnectionOptions } from './redis/connect.ts';
export { closeRedis, connectRedis, isRedisReady, whenRedisReady } from './redis/connect.ts';
export type { ConnectionCeiling } from './redis/connection-ceiling.ts';
export {
  CONNECTION_LEASE_MS,
  createConnectionCeiling,
  SERVED_LATELY_MS,
} from './redis/connection-ceiling.ts';
export type { HostStore } from './redis/host-store.ts';
export { createHostStore } from './redis/host-store.ts';
export type { IdSequence } from './redis/id-sequence.ts';
export { createIdSequence } from './redis/id-sequence.ts';
export type { JournalIds } from './redis/journal-id.ts';
export { createJournalIds, loadJournalIdSecret } from './redis/journal-id.ts';
export type { RedisKeys } from './redis/keys.ts';
export { createRedisKeys, DEFAULT_KEY_PREFIX } from './redis/keys.ts';
export type { RedisLink } from './redis/link.ts';
export { createRedisLink } from './redis/link.ts';
export type { MemoryGate } from './redis/memory-gate.ts';
export { createMemoryGate } from './redis/memory-gate.ts';
export type { PolicyRevisions } from './redis/policy-revisions.ts';
export { createPolicyRevisions } from './redis/policy-revisions.ts';
export type { ReplicaBarrier } from './redis/replica-barrier.ts';
export { createReplicaBarrier, NO_BARRIER } from './redis/replica-barrier.ts';
export type { RedisServerStatus } from './redis/server-status.ts';
export { readRedisServerStatus } from './redis/server-status.ts';
export type { RedisSettings, RedisTls, RedisUser } from './redis/settings.ts';
export { describeRedis, readRedisSettings, redactRedisUrl } from './redis/settings.ts';
export { createSpool } from './spool/redis-spool.ts';
export type {
  FinishedBody,
  Spool,
  SpooledBody,
  SpoolOptions,
  SpoolReadError,
  SpoolWriter,
} from './spool/spool.ts';
export { checkBody, SHORT_BODY_BYTES, SpoolError } from './spool/spool.ts';
export type { CertificateUse, CertificateWatch } from './tls/certificate-watch.ts';
export type { TlsFiles, TlsMaterial, TlsProblem } from './tls/tls-files.ts';
export { loadTlsFiles } from './tls/tls-files.ts';
