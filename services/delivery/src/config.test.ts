import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError } from '@tdc/platform';
import { loadDeliveryConfig } from './config.ts';

describe("delivery's environment", () => {
  it('may be empty', () => {
    const config = loadDeliveryConfig({});
    assert.deepEqual(
      [config.minConnections, config.idleSeconds, config.retryDelaySeconds, config.dnsServers],
      [3, 5, 60, []],
    );
    assert.match(config.ehloName, /\./);
    assert.ok(Object.isFrozen(config));
  });

  it('is read in full', () => {
    const config = loadDeliveryConfig({
      TDC_REDIS_URL: 'redis://redis.example:6380/2',
      TDC_REDIS_KEY_PREFIX: '{other}',
      TDC_POLICY_ADDRESS: 'policy.example:50000',
      TDC_DNS_SERVERS: '10.0.0.1:53, [2001:db8::1]:5353',
      TDC_EHLO_NAME: 'out.example.net',
      TDC_RETRY_DELAY_SECONDS: '30',
      TDC_MIN_CONNECTIONS: '5',
      TDC_CONNECTION_IDLE_SECONDS: '7',
      TDC_PROBE_SECONDS: '9',
      TDC_CONNECT_TIMEOUT_SECONDS: '11',
      TDC_TLS_TIMEOUT_SECONDS: '12',
      TDC_REPLY_TIMEOUT_SECONDS: '13',
      TDC_FINAL_REPLY_TIMEOUT_SECONDS: '14',
      TDC_MAX_JOBS: '15',
      TDC_TRACKING_HOURS: '16',
    });
    const { dnsServers, policyAddress, redis, ehloName } = config;
    assert.deepEqual(dnsServers, [
      { host: '10.0.0.1', port: 53 },
      { host: '2001:db8::1', port: 5353 },
    ]);
    assert.deepEqual(policyAddress, { host: 'policy.example', port: 50_000 });
    assert.deepEqual(
      [redis, ehloName],
      [
        { mode: 'standalone', url: 'redis://redis.example:6380/2', keyPrefix: '{other}', user: {} },
        'out.example.net',
      ],
    );
    assert.deepEqual(
      [
        config.retryDelaySeconds,
        config.minConnections,
        config.idleSeconds,
        config.probeSeconds,
        config.connectSeconds,
        config.tlsSeconds,
        config.replySeconds,
        config.finalReplySeconds,
        config.maxJobs,
        config.trackingHours,
      ],
      [30, 5, 7, 9, 11, 12, 13, 14, 15, 16],
    );
  });

  it('is refused with every problem at once', () => {
    const bad = {
      TDC_DNS_SERVERS: '10.0.0.1:none',
      TDC_MIN_CONNECTIONS: '0',
      TDC_REPLY_TIMEOUT_SECONDS: 'soon',
      TDC_MAX_JOBS: '-1',
      TDC_POLICY_ADDRESS: 'nowhere',
    };
    assert.throws(
      () => loadDeliveryConfig(bad),
      (error) =>
        error instanceof ConfigError &&
        Object.keys(bad).every((name) => error.problems.some((problem) => problem.includes(name))),
    );
  });
});
