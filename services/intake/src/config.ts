import { hostname } from 'node:os';
import type { Network } from '@tdc/core';
import {
  type CommonConfig,
  type CopyHandlingConfig,
  type Environment,
  EnvReader,
  LISTEN_PORT,
  readCommonConfig,
  readCopyHandlingConfig,
} from '@tdc/platform';

/** What is done with a message that holds CR or LF outside CRLF (spec §9). */
export type BareNewlinePolicy = 'reject' | 'note' | 'wrap';

export interface IntakeConfig extends CommonConfig, CopyHandlingConfig {
  /** Above this share of Redis's memory limit no message is taken. */
  readonly redisMaxMemoryPercent: number;
  /** So many replicas must hold a message before it is answered with 250; 0: none is asked. */
  readonly redisMinReplicasAck: number;
  readonly smtpHost: string;
  readonly smtpPort: number;
  readonly lmtpPort: number | undefined;
  /** Of the SMTP listener behind a proxy; undefined: none. */
  readonly proxyPort: number | undefined;
  /** The proxies that may connect to it. */
  readonly proxyTrusted: readonly Network[];
  /** The name in the greeting. */
  readonly hostname: string;
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
  readonly requireTls: boolean;
  readonly maxMessageBytes: number;
  /** Octets of long messages on their way in at once. */
  readonly maxBytesInFlight: number;
  readonly maxRecipients: number;
  readonly maxConnections: number;
  readonly idleSeconds: number;
  readonly transactionSeconds: number;
  readonly maxSessionMessages: number;
  readonly maxSessionSeconds: number;
  readonly trustedPeers: readonly Network[];
  readonly bareNewlines: BareNewlinePolicy;
  readonly maxQueueAgeSeconds: number;
}

const STORE_SECONDS = 10;

/**
 * How long the client waits, at most, for the answer to its message. Shorter than what a stop leaves: a session that is
 * told to go while its message is being stored would send it again.
 */
export const storeSeconds = ({ shutdownSeconds }: Pick<IntakeConfig, 'shutdownSeconds'>): number =>
  Math.min(STORE_SECONDS, shutdownSeconds / 2);

/** The service's environment; throws one ConfigError with every problem. */
export function loadIntakeConfig(env: Environment): IntakeConfig {
  const read = new EnvReader(env);
  const config: IntakeConfig = {
    ...readCommonConfig(read),
    ...readCopyHandlingConfig(read),
    redisMaxMemoryPercent: read.integer('TDC_REDIS_MAX_MEMORY_PERCENT', { default: 80, min: 10, max: 100 }),
    redisMinReplicasAck: read.integer('TDC_REDIS_MIN_REPLICAS_ACK', { default: 0, min: 0, max: 10 }),
    smtpHost: read.text('TDC_SMTP_HOST', { default: '0.0.0.0' }),
    smtpPort: read.integer('TDC_SMTP_PORT', { default: 2525, ...LISTEN_PORT }),
    lmtpPort: read.optionalInteger('TDC_LMTP_PORT', LISTEN_PORT),
    proxyPort: read.optionalInteger('TDC_SMTP_PROXY_PORT', LISTEN_PORT),
    proxyTrusted: read.networks('TDC_SMTP_PROXY_TRUSTED'),
    hostname: read.text('TDC_SMTP_HOSTNAME', { default: hostname() }),
    tlsCertFile: read.readableFile('TDC_SMTP_TLS_CERT_FILE', 'the certificate for STARTTLS (PEM)'),
    tlsKeyFile: read.readableFile('TDC_SMTP_TLS_KEY_FILE', 'the private key of that certificate (PEM)'),
    requireTls: read.boolean('TDC_SMTP_REQUIRE_TLS', false),
    maxMessageBytes: read.integer('TDC_SMTP_MAX_MESSAGE_BYTES', {
      default: 52_428_800,
      min: 1024,
      max: 268_435_456,
    }),
    maxBytesInFlight: read.integer('TDC_MAX_BYTES_IN_FLIGHT', {
      default: 67_108_864,
      min: 1_048_576,
      max: 17_179_869_184,
    }),
    maxRecipients: read.integer('TDC_SMTP_MAX_RECIPIENTS', { default: 1000, min: 1, max: 100_000 }),
    maxConnections: read.integer('TDC_SMTP_MAX_CONNECTIONS', { default: 1000, min: 1, max: 65_535 }),
    idleSeconds: read.integer('TDC_SMTP_IDLE_SECONDS', { default: 60, min: 1, max: 3600 }),
    transactionSeconds: read.integer('TDC_SMTP_TRANSACTION_SECONDS', { default: 600, min: 1, max: 7200 }),
    maxSessionMessages: read.integer('TDC_SMTP_MAX_SESSION_MESSAGES', { default: 0, min: 0, max: 1_000_000 }),
    maxSessionSeconds: read.integer('TDC_SMTP_MAX_SESSION_SECONDS', { default: 0, min: 0, max: 86_400 }),
    trustedPeers: read.networks('TDC_TRUSTED_PEERS', '127.0.0.0/8,::1/128'),
    bareNewlines: read.oneOf('TDC_BARE_NEWLINES', ['reject', 'note', 'wrap'], 'wrap'),
    maxQueueAgeSeconds: read.integer('TDC_MAX_QUEUE_AGE_SECONDS', { default: 120, min: 1, max: 86_400 }),
  };
  if (config.proxyPort !== undefined && config.proxyTrusted.length === 0)
    read.refuse(
      'TDC_SMTP_PROXY_TRUSTED is not set: with TDC_SMTP_PROXY_PORT it must list the networks of your proxies, 10.0.0.0/8',
    );
  read.throwIfInvalid();
  return Object.freeze(config);
}
