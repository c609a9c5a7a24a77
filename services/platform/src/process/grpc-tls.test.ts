import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createAuthority } from '@tdc/stand-in';
import type { TlsFiles } from '../tls/tls-files.ts';
import { ConfigError } from './config-error.ts';
import { type Environment, EnvReader } from './env-reader.ts';
import { readGrpcTls } from './grpc-tls.ts';

const folder = mkdtempSync(join(tmpdir(), 'tdc-grpc-tls-'));
after(() => rmSync(folder, { recursive: true }));

const CERT = join(folder, 'tls.crt');
const KEY = join(folder, 'tls.key');
const CA = join(folder, 'ca.crt');
const OTHER_KEY = join(folder, 'other.key');
const ALL = { TDC_GRPC_TLS_CERT_FILE: CERT, TDC_GRPC_TLS_KEY_FILE: KEY, TDC_GRPC_TLS_CA_FILE: CA };

before(async () => {
  const authority = await createAuthority();
  const { cert, key } = await authority.issue({ names: ['policy.example'] });
  writeFileSync(CERT, cert);
  writeFileSync(KEY, key);
  writeFileSync(CA, authority.cert);
  writeFileSync(OTHER_KEY, (await authority.issue({ names: ['other.example'] })).key);
});

/** What is read, or the problems with it. */
function read(env: Environment): TlsFiles | undefined | readonly string[] {
  const reader = new EnvReader(env);
  const files = readGrpcTls(reader);
  try {
    reader.throwIfInvalid();
    return files;
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
}

describe('mutual TLS between the processes', () => {
  it('is off when nothing is set', () => assert.equal(read({}), undefined));

  it('is on with all three files', () =>
    assert.deepEqual(read(ALL), { certFile: CERT, keyFile: KEY, caFile: CA }));

  const parts: readonly [string, Environment, readonly string[]][] = [
    [
      'a certificate alone',
      { TDC_GRPC_TLS_CERT_FILE: CERT },
      [
        'TDC_GRPC_TLS_KEY_FILE is not set: it must name the private key of that certificate (PEM), beside the other TDC_GRPC_TLS_ files',
        'TDC_GRPC_TLS_CA_FILE is not set: it must name the authority that signed the certificates of the others (PEM), beside the other TDC_GRPC_TLS_ files',
      ],
    ],
    [
      'no certificate',
      { ...ALL, TDC_GRPC_TLS_CERT_FILE: '' },
      [
        'TDC_GRPC_TLS_CERT_FILE is not set: it must name the certificate for gRPC (PEM), beside the other TDC_GRPC_TLS_ files',
      ],
    ],
    [
      'a file that is not there',
      { ...ALL, TDC_GRPC_TLS_CA_FILE: join(folder, 'none') },
      [
        `TDC_GRPC_TLS_CA_FILE is '${join(folder, 'none')}': it must name the authority that signed the certificates of the others (PEM), a file that can be read`,
      ],
    ],
    [
      "a key that is not the certificate's",
      { ...ALL, TDC_GRPC_TLS_KEY_FILE: OTHER_KEY },
      [
        `gRPC: certificate ${CERT} and key ${OTHER_KEY} cannot be used: the key in ${OTHER_KEY} is not that of the certificate`,
      ],
    ],
    [
      'a key where the authority should be',
      { ...ALL, TDC_GRPC_TLS_CA_FILE: KEY },
      [`gRPC: certificate ${CERT} and key ${KEY} cannot be used: ${KEY} holds no certificates (PEM)`],
    ],
  ];
  for (const [name, env, problems] of parts) {
    it(`is refused with ${name}`, () => assert.deepEqual(read(env), problems));
  }
});
