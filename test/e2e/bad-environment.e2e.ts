import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createAuthority } from '@tdc/stand-in';
import { startRedisServer } from '../support/redis-server.ts';
import { startService } from '../support/service-process.ts';

/** What cannot work is refused at the start: every problem at once, in words, with status 78. */
describe('a process that cannot start says why', () => {
  let folder: string;
  let files: Record<'cert' | 'key' | 'otherKey' | 'policy', string>;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tdc-bad-'));
    const authority = await createAuthority();
    const [one, other] = await Promise.all([
      authority.issue({ names: ['a.example'] }),
      authority.issue({ names: ['b.example'] }),
    ]);
    const write = (name: string, text: string): string => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    };
    files = {
      cert: write('cert.pem', one.cert),
      key: write('key.pem', one.key),
      otherKey: write('other.pem', other.key),
      policy: write('policy.yaml', 'version: 1\nintakes: {}\n'),
    };
    chmodSync(folder, 0o700);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs until it ends; answers status, and what was said. */
  const end = async (
    name: string,
    env: Record<string, string>,
  ): Promise<{ readonly code: number | null; readonly said: string }> => {
    const service = startService(name, env);
    const { code } = await service.exited;
    return { code, said: `${service.errors()}\n${service.lines().join('\n')}` };
  };
  const intake = (): Record<string, string> => ({
    TDC_SMTP_HOST: '127.0.0.1',
    TDC_SMTP_PORT: '0',
    TDC_SMTP_TLS_CERT_FILE: files.cert,
    TDC_SMTP_TLS_KEY_FILE: files.key,
    TDC_REDIS_URL: 'redis://127.0.0.1:1',
    TDC_POLICY_ADDRESS: '127.0.0.1:1',
  });

  it('intake without a certificate', async () => {
    const { code, said } = await end('intake', { TDC_SMTP_PORT: '0' });
    assert.equal(code, 78);
    assert.match(said, /TDC_SMTP_TLS_CERT_FILE is not set: it must name the certificate/);
    assert.match(said, /TDC_SMTP_TLS_KEY_FILE is not set/);
  });

  it('intake with a key that is not the certificate’s', async () => {
    const { code, said } = await end('intake', { ...intake(), TDC_SMTP_TLS_KEY_FILE: files.otherKey });
    assert.equal(code, 78);
    assert.match(said, /cannot be used/);
  });

  it('intake on a busy port', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const address = busy.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const { code, said } = await end('intake', { ...intake(), TDC_SMTP_PORT: String(port) });
      assert.equal(code, 78);
      assert.match(said, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use \\(TDC_SMTP_PORT\\)`));
    } finally {
      busy.close();
    }
  });

  it('every wrong variable is listed, and a password is not shown', async () => {
    const { code, said } = await end('delivery', {
      TDC_REDIS_URL: 'http://user:geheim@host',
      TDC_MIN_CONNECTIONS: '0',
      TDC_RETRY_DELAY_SECONDS: 'soon',
      TDC_DNS_SERVERS: 'nowhere',
      TDC_IDLE_SECOND: '5',
      TDC_MAX_JOB: '5',
    });
    assert.equal(code, 78);
    for (const name of [
      'TDC_REDIS_URL',
      'TDC_MIN_CONNECTIONS',
      'TDC_RETRY_DELAY_SECONDS',
      'TDC_DNS_SERVERS',
    ]) {
      assert.match(said, new RegExp(`^ {2}- ${name} `, 'm'));
    }
    assert.match(said, /TDC_MAX_JOB is not known: did you mean TDC_MAX_JOBS\?/);
    assert.doesNotMatch(said, /geheim/);
  });

  it('an invalid policy document, with line and field', async () => {
    writeFileSync(
      files.policy,
      'version: 1\nintakes:\n  primary: { adress: a@b.example }\ndefaultIntake: secondary\n',
    );
    const { code, said } = await end('policy', {
      TDC_POLICY_FILE: files.policy,
      TDC_GRPC_HOST: '127.0.0.1',
      TDC_GRPC_PORT: '0',
      TDC_REDIS_URL: 'redis://127.0.0.1:1',
    });
    assert.equal(code, 78);
    assert.match(said, /policy\.yaml:3:\d+: intakes\.primary\.adress: unknown key; did you mean address\?/);
    assert.match(said, /policy\.yaml:4:\d+: defaultIntake: there is no intake secondary/);
  });

  for (const name of ['intake', 'delivery', 'monitor'] as const) {
    it(`${name} with a Redis that evicts`, async () => {
      const redis = await startRedisServer(['--maxmemory-policy', 'allkeys-lru']);
      try {
        const { code, said } = await end(name, {
          ...(name === 'intake' ? intake() : { TDC_POLICY_ADDRESS: '127.0.0.1:1' }),
          ...(name === 'monitor' ? { TDC_GRPC_HOST: '127.0.0.1', TDC_GRPC_PORT: '0' } : {}),
          TDC_REDIS_URL: redis.url,
        });
        assert.equal(code, 78);
        assert.match(said, /maxmemory-policy allkeys-lru: it must be noeviction/);
      } finally {
        await redis.remove();
      }
    });
  }
});
