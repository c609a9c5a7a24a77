import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseNetwork } from '@tdc/core';
import { ConfigError } from '@tdc/platform';
import { loadIntakeConfig, storeSeconds } from './config.ts';

/** A file that can be read is all that is asked of them here. */
const FILE = fileURLToPath(import.meta.url);
const CERTIFICATE = { TDC_SMTP_TLS_CERT_FILE: FILE, TDC_SMTP_TLS_KEY_FILE: FILE };

describe("intake's configuration", () => {
  it('has a default for everything but the certificate', () => {
    const { hostname, ...config } = loadIntakeConfig(CERTIFICATE);
    assert.ok(hostname !== '');
    assert.deepEqual(config, {
      logFormat: 'text',
      logLevel: 'info',
      httpHost: '0.0.0.0',
      httpPort: 9090,
      shutdownSeconds: 30,
      grpcTls: undefined,
      redis: { mode: 'standalone', url: 'redis://127.0.0.1:6379', keyPrefix: '{tdc}', user: {} },
      redisMaxMemoryPercent: 80,
      redisMinReplicasAck: 0,
      policyAddress: { host: '127.0.0.1', port: 50_051 },
      stateFolder: undefined,
      trackingHours: 24,
      smtpHost: '0.0.0.0',
      smtpPort: 2525,
      lmtpPort: undefined,
      proxyPort: undefined,
      proxyTrusted: [],
      tlsCertFile: FILE,
      tlsKeyFile: FILE,
      requireTls: false,
      maxMessageBytes: 52_428_800,
      maxBytesInFlight: 67_108_864,
      maxRecipients: 1000,
      maxConnections: 1000,
      idleSeconds: 60,
      transactionSeconds: 600,
      maxSessionMessages: 0,
      maxSessionSeconds: 0,
      trustedPeers: [parseNetwork('127.0.0.0/8'), parseNetwork('::1/128')],
      bareNewlines: 'wrap',
      maxQueueAgeSeconds: 120,
    });
  });

  it('is read from the environment', () => {
    const config = loadIntakeConfig({
      ...CERTIFICATE,
      TDC_SMTP_HOST: '127.0.0.1',
      TDC_SMTP_PORT: '0',
      TDC_LMTP_PORT: '24',
      TDC_SMTP_HOSTNAME: 'intake.example.com',
      TDC_SMTP_REQUIRE_TLS: 'true',
      TDC_SMTP_MAX_MESSAGE_BYTES: '1024',
      TDC_TRUSTED_PEERS: '192.0.2.1, 2001:db8::/32',
      TDC_BARE_NEWLINES: 'reject',
    });
    assert.deepEqual(
      [config.smtpHost, config.smtpPort, config.lmtpPort, config.hostname],
      ['127.0.0.1', 0, 24, 'intake.example.com'],
    );
    assert.deepEqual(
      [config.requireTls, config.maxMessageBytes, config.bareNewlines],
      [true, 1024, 'reject'],
    );
    assert.deepEqual(config.trustedPeers, [parseNetwork('192.0.2.1'), parseNetwork('2001:db8::/32')]);
  });

  it('trusts nobody when nobody is named', () => {
    assert.deepEqual(loadIntakeConfig({ ...CERTIFICATE, TDC_TRUSTED_PEERS: ',' }).trustedPeers, []);
  });

  it('without a certificate is refused, and so is the rest that is wrong, all at once', () => {
    const load = () =>
      loadIntakeConfig({
        TDC_BARE_NEWLINES: 'ignore',
        TDC_TRUSTED_PEERS: '10.0.0.0/40',
        TDC_SMTP_MAX_RECIPIENTS: '0',
      });
    assert.throws(load, (error) => {
      assert.ok(error instanceof ConfigError);
      const named = new Set(error.problems.map((problem) => problem.split(' ')[0]));
      assert.deepEqual(
        named,
        new Set([
          'TDC_BARE_NEWLINES',
          'TDC_SMTP_MAX_RECIPIENTS',
          'TDC_SMTP_TLS_CERT_FILE',
          'TDC_SMTP_TLS_KEY_FILE',
          'TDC_TRUSTED_PEERS',
        ]),
      );
      return true;
    });
  });

  it('has a listener behind a proxy for the proxies that are named, and for nobody else', () => {
    const load = (env: Record<string, string>) =>
      loadIntakeConfig({ ...CERTIFICATE, TDC_SMTP_PROXY_PORT: '2527', ...env });
    for (const env of [{}, { TDC_SMTP_PROXY_TRUSTED: ' , ' }])
      assert.throws(() => load(env), /TDC_SMTP_PROXY_TRUSTED is not set: with TDC_SMTP_PROXY_PORT it must/);
    assert.throws(() => load({ TDC_SMTP_PROXY_TRUSTED: '10.0.0.0/40' }), /TDC_SMTP_PROXY_TRUSTED is '10/);
    const { proxyPort, proxyTrusted } = load({ TDC_SMTP_PROXY_TRUSTED: '10.0.0.0/8,2001:db8::1' });
    assert.deepEqual(
      [proxyPort, proxyTrusted],
      [2527, [parseNetwork('10.0.0.0/8'), parseNetwork('2001:db8::1')]],
    );
  });

  it('leaves less time for storing than a stop leaves for the session', () => {
    for (const shutdownSeconds of [1, 10, 30, 110]) {
      const seconds = storeSeconds({ shutdownSeconds });
      assert.ok(seconds > 0 && seconds < shutdownSeconds * 0.7 && seconds <= 10);
    }
  });
});
