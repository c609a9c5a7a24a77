import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAuthority } from '@tdc/stand-in';

const DOCUMENT = fileURLToPath(new URL('../../docs/redis.md', import.meta.url));

/** The rules of a user as docs/redis.md gives them, behind `ACL SETUSER <name>`; a test that passes proves the page. */
function documentedRules(name: string): readonly string[] {
  const found = new RegExp(`^ACL SETUSER ${name} (.*)$`, 'm').exec(readFileSync(DOCUMENT, 'utf8'));
  if (found === null) throw new Error(`docs/redis.md has no rules for ${name}`);
  return (found[1] ?? '').split(' ');
}

/** Of the user `tdc`. */
export const PASSWORD = 's3cret';
const SENTINEL_PASSWORD = 'w4tch';

/** Files of a private authority, and what servers and redis-cli are told of them. */
export async function prepareRedisAccess() {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-redis-tls-'));
  const path = (name: string): string => join(folder, name);
  const authority = await createAuthority();
  const pair = await authority.issue({ names: ['127.0.0.1', 'localhost'], client: true });
  writeFileSync(path('ca.pem'), authority.cert);
  writeFileSync(path('node.pem'), pair.cert);
  writeFileSync(path('node.key'), pair.key);
  writeFileSync(path('password'), `${PASSWORD}\n`);
  writeFileSync(path('sentinel-password'), SENTINEL_PASSWORD);
  const [ca, cert, key] = [path('ca.pem'), path('node.pem'), path('node.key')];
  const tls = { caFile: ca, certFile: cert, keyFile: key };
  const user = (name: string, password: string): string =>
    `user ${name} ${documentedRules(name)
      .map((rule) => (rule.startsWith('>') ? `>${password}` : rule))
      .join(' ')}`;
  return {
    remove: () => rmSync(folder, { recursive: true }),
    /** What a process is told, beside where Redis is; the Sentinels' part is for them alone. */
    environment: {
      TDC_REDIS_USERNAME: 'tdc',
      TDC_REDIS_PASSWORD_FILE: path('password'),
      TDC_REDIS_TLS: 'true',
      TDC_REDIS_TLS_CA_FILE: ca,
      TDC_REDIS_TLS_CERT_FILE: cert,
      TDC_REDIS_TLS_KEY_FILE: key,
    },
    sentinelEnvironment: {
      TDC_REDIS_SENTINEL_USERNAME: 'tdc-sentinel',
      TDC_REDIS_SENTINEL_PASSWORD_FILE: path('sentinel-password'),
    },
    access: {
      keyPrefix: '{tdc}',
      user: { username: 'tdc', passwordFile: path('password') },
      tls,
    },
    sentinelUser: { username: 'tdc-sentinel', passwordFile: path('sentinel-password') },
    cli: ['--tls', '--cacert', ca, '--cert', cert, '--key', key],
    config: [
      `tls-ca-cert-file ${ca}`,
      `tls-cert-file ${cert}`,
      `tls-key-file ${key}`,
      'tls-auth-clients yes',
      'tls-replication yes',
    ],
    user: user('tdc', PASSWORD),
    sentinelAcl: user('tdc-sentinel', SENTINEL_PASSWORD),
  };
}

export type RedisAccess = Awaited<ReturnType<typeof prepareRedisAccess>>;
