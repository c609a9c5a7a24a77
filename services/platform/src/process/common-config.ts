import { type RedisSettings, readRedisSettings } from '../redis/settings.ts';
import type { TlsFiles } from '../tls/tls-files.ts';
import type { EnvReader, HostPort } from './env-reader.ts';
import { readGrpcTls } from './grpc-tls.ts';
import type { LogFormat } from './logger.ts';

/** What every process reads from its environment. */
export interface CommonConfig {
  readonly logFormat: LogFormat;
  readonly logLevel: 'debug' | 'info' | 'warning' | 'critical';
  readonly httpHost: string;
  readonly httpPort: number;
  readonly shutdownSeconds: number;
  /** For mutual TLS between the processes; undefined for plaintext. */
  readonly grpcTls: TlsFiles | undefined;
  readonly redis: RedisSettings;
  /** Where the process keeps what must outlast it without Redis; undefined: nowhere. */
  readonly stateFolder: string | undefined;
}

/** Bounds of a port to listen on; 0 is any free one. */
export const LISTEN_PORT = { min: 0, max: 65_535 } as const;

/** Where the services answer gRPC unless they are told otherwise. */
export const DEFAULT_GRPC_PORT = { policy: 50_051, monitor: 50_052 } as const;

export function readCommonConfig(read: EnvReader): CommonConfig {
  return {
    logFormat: read.oneOf('TDC_LOG_FORMAT', ['text', 'json'], 'text'),
    logLevel: read.oneOf('TDC_LOG_LEVEL', ['debug', 'info', 'warning', 'critical'], 'info'),
    httpHost: read.text('TDC_HTTP_HOST', { default: '0.0.0.0' }),
    httpPort: read.integer('TDC_HTTP_PORT', { default: 9090, ...LISTEN_PORT }),
    shutdownSeconds: read.integer('TDC_SHUTDOWN_SECONDS', { default: 30, min: 1, max: 110 }),
    grpcTls: readGrpcTls(read),
    redis: readRedisSettings(read),
    stateFolder: read.optionalFolder('TDC_STATE_DIR'),
  };
}

/** Where a process that answers gRPC listens. */
export interface GrpcListenerConfig {
  readonly grpcHost: string;
  readonly grpcPort: number;
}

export function readGrpcListener(
  read: EnvReader,
  service: keyof typeof DEFAULT_GRPC_PORT,
): GrpcListenerConfig {
  return {
    grpcHost: read.text('TDC_GRPC_HOST', { default: '0.0.0.0' }),
    grpcPort: read.integer('TDC_GRPC_PORT', { default: DEFAULT_GRPC_PORT[service], ...LISTEN_PORT }),
  };
}

/** Of the processes that handle copies and follow the policy for it. */
export interface CopyHandlingConfig {
  readonly policyAddress: HostPort;
  /** How long tracking remembers a copy beyond its deadline. */
  readonly trackingHours: number;
}

export function readCopyHandlingConfig(read: EnvReader): CopyHandlingConfig {
  return {
    policyAddress: read.hostPort('TDC_POLICY_ADDRESS', `127.0.0.1:${DEFAULT_GRPC_PORT.policy}`),
    trackingHours: read.integer('TDC_TRACKING_HOURS', { default: 24, min: 1, max: 24 * 30 }),
  };
}
