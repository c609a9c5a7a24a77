import {
  type CommonConfig,
  type Environment,
  EnvReader,
  type GrpcListenerConfig,
  readCommonConfig,
  readGrpcListener,
} from '@tdc/platform';

export interface PolicyConfig extends CommonConfig, GrpcListenerConfig {
  readonly policyFile: string;
}

/** The service's environment; throws one ConfigError with every problem. */
export function loadPolicyConfig(env: Environment): PolicyConfig {
  const read = new EnvReader(env);
  const config: PolicyConfig = {
    ...readCommonConfig(read),
    ...readGrpcListener(read, 'policy'),
    policyFile: read.readableFile('TDC_POLICY_FILE', 'the policy document'),
  };
  read.throwIfInvalid();
  return Object.freeze(config);
}
