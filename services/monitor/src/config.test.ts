import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError } from '@tdc/platform';
import { loadMonitorConfig } from './config.ts';

describe("the monitor's configuration", () => {
  it('has a default for everything', () => {
    assert.deepEqual(loadMonitorConfig({}), {
      logFormat: 'text',
      logLevel: 'info',
      httpHost: '0.0.0.0',
      httpPort: 9090,
      shutdownSeconds: 30,
      grpcTls: undefined,
      redis: { mode: 'standalone', url: 'redis://127.0.0.1:6379', keyPrefix: '{tdc}', user: {} },
      policyAddress: { host: '127.0.0.1', port: 50_051 },
      stateFolder: undefined,
      grpcHost: '0.0.0.0',
      grpcPort: 50_052,
      sweepSeconds: 2,
      trackingHours: 24,
      trackingMaxCopies: 100_000,
    });
  });

  it('is read from the environment', () => {
    const config = loadMonitorConfig({
      TDC_REDIS_URL: 'rediss://redis:6380',
      TDC_POLICY_ADDRESS: 'policy:1234',
      TDC_GRPC_PORT: '0',
      TDC_SWEEP_SECONDS: '1',
      TDC_TRACKING_HOURS: '2',
      TDC_TRACKING_MAX_COPIES: '5',
    });
    assert.equal(config.redis.mode === 'standalone' && config.redis.url, 'rediss://redis:6380');
    assert.deepEqual(config.policyAddress, { host: 'policy', port: 1234 });
    assert.deepEqual(
      [config.grpcPort, config.sweepSeconds, config.trackingHours, config.trackingMaxCopies],
      [0, 1, 2, 5],
    );
  });

  it('is refused with every problem at once', () => {
    const load = () =>
      loadMonitorConfig({ TDC_SWEEP_SECONDS: '0', TDC_GRPC_PORT: 'x', TDC_POLICY_ADDRESS: 'policy' });
    assert.throws(load, (error) => error instanceof ConfigError && error.problems.length === 3);
  });
});
