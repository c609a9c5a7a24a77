import {
  type CommonConfig,
  type CopyHandlingConfig,
  type Environment,
  EnvReader,
  type GrpcListenerConfig,
  readCommonConfig,
  readCopyHandlingConfig,
  readGrpcListener,
} from '@tdc/platform';

export interface MonitorConfig extends CommonConfig, CopyHandlingConfig, GrpcListenerConfig {
  readonly sweepSeconds: number;
  readonly trackingMaxCopies: number;
}

/** The service's environment; throws one ConfigError with every problem. */
export function loadMonitorConfig(env: Environment): MonitorConfig {
  const read = new EnvReader(env);
  const config: MonitorConfig = {
    ...readCommonConfig(read),
    ...readCopyHandlingConfig(read),
    ...readGrpcListener(read, 'monitor'),
    sweepSeconds: read.integer('TDC_SWEEP_SECONDS', { default: 2, min: 1, max: 60 }),
    trackingMaxCopies: read.integer('TDC_TRACKING_MAX_COPIES', { default: 100_000, min: 1, max: 10_000_000 }),
  };
  read.throwIfInvalid();
  return Object.freeze(config);
}
