import {
  type CommonConfig,
  type Environment,
  EnvReader,
  type HostPort,
  type RedisSettings,
  readCommonConfig,
  readRedisSettings,
} from '@tdc/platform';

export interface MonitorConfig extends CommonConfig {
  readonly redis: RedisSettings;
  readonly policyAddress: HostPort;
  readonly stateFolder: string | undefined;
  readonly grpcHost: string;
  readonly grpcPort: number;
  readonly sweepSeconds: number;
  readonly trackingHours: number;
  readonly trackingMaxCopies: number;
}

/** The service's environment; throws one ConfigError with every problem. */
export function loadMonitorConfig(env: Environment): MonitorConfig {
  const read = new EnvReader(env);
  const config: MonitorConfig = {
    ...readCommonConfig(read),
    redis: readRedisSettings(read),
    policyAddress: read.hostPort('TDC_POLICY_ADDRESS', '127.0.0.1:50051'),
    stateFolder: read.optionalFolder('TDC_STATE_DIR'),
    grpcHost: read.text('TDC_GRPC_HOST', { default: '0.0.0.0' }),
    grpcPort: read.integer('TDC_GRPC_PORT', { default: 50_052, min: 0, max: 65_535 }),
    sweepSeconds: read.integer('TDC_SWEEP_SECONDS', { default: 2, min: 1, max: 60 }),
    trackingHours: read.integer('TDC_TRACKING_HOURS', { default: 24, min: 1, max: 24 * 30 }),
    trackingMaxCopies: read.integer('TDC_TRACKING_MAX_COPIES', { default: 100_000, min: 1, max: 10_000_000 }),
  };
  read.throwIfInvalid();
  return Object.freeze(config);
}
