import {
  type CommonConfig,
  type Environment,
  EnvReader,
  type RedisSettings,
  readCommonConfig,
  readRedisSettings,
} from '@tdc/platform';

export interface PolicyConfig extends CommonConfig {
  readonly policyFile: string;
  readonly redis: RedisSettings;
  readonly stateFolder: string | undefined;
  readonly grpcHost: string;
  readonly grpcPort: number;
}

/** The service's environment; throws one ConfigError with every problem. */
export function loadPolicyConfig(env: Environment): PolicyConfig {
  const read = new EnvReader(env);
  const config: PolicyConfig = {
    ...readCommonConfig(read),
    policyFile: read.readableFile('TDC_POLICY_FILE', 'the policy document'),
    redis: readRedisSettings(read),
    stateFolder: read.optionalFolder('TDC_STATE_DIR'),
    grpcHost: read.text('TDC_GRPC_HOST', { default: '0.0.0.0' }),
    grpcPort: read.integer('TDC_GRPC_PORT', { default: 50_051, min: 0, max: 65_535 }),
  };
  read.throwIfInvalid();
  return Object.freeze(config);
}
