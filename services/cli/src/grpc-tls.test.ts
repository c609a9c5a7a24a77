import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createAuthority } from '@tdc/stand-in';
import { runTdc } from './tdc.ts';

const folder = mkdtempSync(join(tmpdir(), 'tdc-cli-tls-'));
after(() => rmSync(folder, { recursive: true }));

const CERT = join(folder, 'tls.crt');
const KEY = join(folder, 'tls.key');
const CA = join(folder, 'ca.crt');
const NOBODY = ['--monitor', '127.0.0.1:1'];

before(async () => {
  const authority = await createAuthority();
  const { cert, key } = await authority.issue({ names: ['tdc.example'], client: true });
  writeFileSync(CERT, cert);
  writeFileSync(KEY, key);
  writeFileSync(CA, authority.cert);
});

const BY_FLAG = ['--grpc-cert', CERT, '--grpc-key', KEY, '--grpc-ca', CA];
const BY_VARIABLE = { TDC_GRPC_TLS_CERT_FILE: CERT, TDC_GRPC_TLS_KEY_FILE: KEY, TDC_GRPC_TLS_CA_FILE: CA };

describe('the files of mutual TLS', () => {
  it('are taken by flag, by variable, or some by the one and some by the other', async () => {
    const away = 'the monitor does not answer at 127.0.0.1:1 (--monitor, TDC_MONITOR_ADDRESS)\n';
    for (const [flags, env] of [
      [BY_FLAG, {}],
      [[], BY_VARIABLE],
      [BY_FLAG.slice(0, 2), { ...BY_VARIABLE, TDC_GRPC_TLS_CERT_FILE: '' }],
      [BY_FLAG, { TDC_GRPC_TLS_CERT_FILE: '/nowhere' }],
    ] as const) {
      const outcome = await runTdc(['tophosts', ...NOBODY, ...flags], env);
      assert.deepEqual(outcome, { exitCode: 69, out: '', err: away });
    }
  });

  it('are not looked at for intake', async () => {
    const { err } = await runTdc(['send', '--server', '127.0.0.1:1'], { TDC_GRPC_TLS_CERT_FILE: CERT });
    assert.match(err, /^intake does not answer/);
  });

  const refused: readonly [string, readonly string[], number, string][] = [
    [
      'a certificate alone',
      BY_FLAG.slice(0, 2),
      64,
      'mutual TLS takes a certificate, its key and an authority: ' +
        '--grpc-key (TDC_GRPC_TLS_KEY_FILE), --grpc-ca (TDC_GRPC_TLS_CA_FILE) is missing\n',
    ],
    [
      'all but the authority',
      BY_FLAG.slice(0, 4),
      64,
      'mutual TLS takes a certificate, its key and an authority: --grpc-ca (TDC_GRPC_TLS_CA_FILE) is missing\n',
    ],
    [
      'a file that is not there',
      [...BY_FLAG.slice(0, 4), '--grpc-ca', '/nowhere/ca.crt'],
      66,
      "a TLS file cannot be read: ENOENT: no such file or directory, open '/nowhere/ca.crt'\n",
    ],
    [
      'an authority that is none',
      [...BY_FLAG.slice(0, 4), '--grpc-ca', KEY],
      65,
      `certificate ${CERT} and key ${KEY} cannot be used: ${KEY} holds no certificates (PEM)\n`,
    ],
  ];
  for (const [name, flags, exitCode, err] of refused) {
    it(`are refused with ${name}`, async () => {
      assert.deepEqual(await runTdc(['tophosts', ...NOBODY, ...flags], {}), { exitCode, out: '', err });
    });
  }
});
