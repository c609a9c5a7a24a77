import { type CommonConfig, type Environment, EnvReader, readCommonConfig } from '@tdc/platform';

export interface PolicyConfig extends CommonConfig {
  readonly policyFile: string;
  readonly redisUrl: string;
  readonly redisKeyPrefix: string;
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
    redisUrl: read.redisUrl('TDC_REDIS_URL', 'redis://127.0.0.1:6379'),
    redisKeyPrefix: read.text('TDC_REDIS_KEY_PREFIX', { default: '{tdc}' }),
    stateFolder: read.optionalFolder('TDC_STATE_DIR'),
    grpcHost: read.text('TDC_GRPC_HOST', { default: '0.0.0.0' }),
    grpcPort: read.integer('TDC_GRPC_PORT', { default: 50_051, min: 0, max: 65_535 }),
  };
  read.throwIfInvalid();
  return Object.freeze(config);
}
