import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigError } from '@tdc/platform';
import { loadPolicyConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'tdc-config-'));
const TDC_POLICY_FILE = join(folder, 'policy.yaml');
writeFileSync(TDC_POLICY_FILE, '');
after(() => rmSync(folder, { recursive: true }));

describe('the environment of the policy service', () => {
  it('has a default for all but the document', () => {
    assert.deepEqual(loadPolicyConfig({ TDC_POLICY_FILE }), {
      logFormat: 'text',
      logLevel: 'info',
      httpHost: '0.0.0.0',
      httpPort: 9090,
      shutdownSeconds: 30,
      grpcTls: undefined,
      policyFile: TDC_POLICY_FILE,
      redis: { mode: 'standalone', url: 'redis://127.0.0.1:6379', keyPrefix: '{tdc}', user: {} },
      stateFolder: undefined,
      grpcHost: '0.0.0.0',
      grpcPort: 50_051,
    });
  });

  it('is read as it is given', () => {
    const config = loadPolicyConfig({
      TDC_POLICY_FILE,
      TDC_REDIS_URL: 'rediss://redis:6380',
      TDC_REDIS_KEY_PREFIX: '{mail}',
      TDC_STATE_DIR: folder,
      TDC_GRPC_HOST: '::1',
      TDC_GRPC_PORT: '0',
    });
    const { redis, stateFolder, grpcHost, grpcPort } = config;
    assert.deepEqual(
      [redis, stateFolder, grpcHost, grpcPort],
      [
        { mode: 'standalone', url: 'rediss://redis:6380', keyPrefix: '{mail}', user: {}, tls: {} },
        folder,
        '::1',
        0,
      ],
    );
  });

  it('is refused as a whole, with every problem', () => {
    const env = { TDC_REDIS_URL: 'http://x', TDC_GRPC_PORT: '65536', TDC_STATE_DIR: TDC_POLICY_FILE };
    assert.throws(
      () => loadPolicyConfig(env),
      (error) => error instanceof ConfigError && error.problems.length === 4,
    );
  });
});
