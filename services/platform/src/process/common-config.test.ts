import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  DEFAULT_GRPC_PORT,
  readCommonConfig,
  readCopyHandlingConfig,
  readGrpcListener,
} from './common-config.ts';
import { ConfigError } from './config-error.ts';
import { EnvReader } from './env-reader.ts';

describe('what several processes read from their environment', () => {
  it('finds the policy service where it listens unless told otherwise', () => {
    const { policyAddress, trackingHours } = readCopyHandlingConfig(new EnvReader({}));
    const { grpcPort } = readGrpcListener(new EnvReader({}), 'policy');
    assert.deepEqual([policyAddress.port, trackingHours], [grpcPort, 24]);
    assert.notEqual(DEFAULT_GRPC_PORT.policy, DEFAULT_GRPC_PORT.monitor, 'both on one machine');
  });

  it('is refused with every problem at once', () => {
    const read = new EnvReader({
      TDC_HTTP_PORT: '65536',
      TDC_REDIS_URL: 'http://x',
      TDC_STATE_DIR: '/nowhere/at/all',
      TDC_GRPC_PORT: 'x',
      TDC_POLICY_ADDRESS: 'policy',
      TDC_TRACKING_HOURS: '721',
    });
    readCommonConfig(read);
    readGrpcListener(read, 'monitor');
    readCopyHandlingConfig(read);
    assert.throws(
      () => read.throwIfInvalid(),
      (error) =>
        error instanceof ConfigError &&
        error.problems.map((problem) => problem.split(' ')[0]).join() ===
          'TDC_HTTP_PORT,TDC_REDIS_URL,TDC_STATE_DIR,TDC_GRPC_PORT,TDC_POLICY_ADDRESS,TDC_TRACKING_HOURS',
    );
  });
});
