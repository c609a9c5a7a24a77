import { hostname } from 'node:os';
import {
  type CommonConfig,
  type CopyHandlingConfig,
  type Environment,
  EnvReader,
  type HostPort,
  readCommonConfig,
  readCopyHandlingConfig,
} from '@tdc/platform';

export interface DeliveryConfig extends CommonConfig, CopyHandlingConfig {
  /** Empty: the system's. */
  readonly dnsServers: readonly HostPort[];
  readonly ehloName: string;
  readonly retryDelaySeconds: number;
  readonly minConnections: number;
  readonly idleSeconds: number;
  /** Longest time between two attempts to reach a destination that is down. */
  readonly probeSeconds: number;
  readonly connectSeconds: number;
  readonly tlsSeconds: number;
  readonly replySeconds: number;
  readonly finalReplySeconds: number;
  /** Copies handled at once by this process, waiting ones included. */
  readonly maxJobs: number;
}

/** A name with a dot: servers refuse others. */
function defaultEhloName(): string {
  const name = hostname();
  return name.includes('.') ? name : `${name}.localdomain`;
}

/** The service's environment; throws one ConfigError with every problem. */
export function loadDeliveryConfig(env: Environment): DeliveryConfig {
  const read = new EnvReader(env);
  const seconds = (name: string, otherwise: number, max = 120) =>
    read.integer(name, { default: otherwise, min: 1, max });
  const config: DeliveryConfig = {
    ...readCommonConfig(read),
    ...readCopyHandlingConfig(read),
    dnsServers: read.hostPorts('TDC_DNS_SERVERS'),
    ehloName: read.text('TDC_EHLO_NAME', { default: defaultEhloName() }),
    retryDelaySeconds: seconds('TDC_RETRY_DELAY_SECONDS', 60, 3600),
    minConnections: read.integer('TDC_MIN_CONNECTIONS', { default: 3, min: 1, max: 100 }),
    idleSeconds: seconds('TDC_CONNECTION_IDLE_SECONDS', 5, 300),
    probeSeconds: seconds('TDC_PROBE_SECONDS', 5),
    connectSeconds: seconds('TDC_CONNECT_TIMEOUT_SECONDS', 10),
    tlsSeconds: seconds('TDC_TLS_TIMEOUT_SECONDS', 10),
    replySeconds: seconds('TDC_REPLY_TIMEOUT_SECONDS', 30),
    finalReplySeconds: seconds('TDC_FINAL_REPLY_TIMEOUT_SECONDS', 60, 600),
    maxJobs: read.integer('TDC_MAX_JOBS', { default: 500, min: 1, max: 10_000 }),
  };
  read.throwIfInvalid();
  return Object.freeze(config);
}
