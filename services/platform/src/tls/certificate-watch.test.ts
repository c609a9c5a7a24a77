import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, it, mock } from 'node:test';
import { type CertificateAuthority, createAuthority, type KeyPair } from '@tdc/stand-in';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { ConfigError } from '../process/config-error.ts';
import { createMetrics } from '../process/metrics.ts';
import { createCertificateExpiry, watchCertificate } from './certificate-watch.ts';

const LOOK_MS = 2000;
const FILES = { cert: 'tls.crt', key: 'tls.key', ca: 'ca.crt' };

let folder = '';
let authority: CertificateAuthority;
let foreign: CertificateAuthority;
let one: KeyPair;
let other: KeyPair;
before(async () => {
  [authority, foreign] = await Promise.all([createAuthority(), createAuthority()]);
  [one, other] = await Promise.all([
    authority.issue({ names: ['a.example'] }),
    authority.issue({ names: ['b.example'], expired: true }),
  ]);
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tdc-tls-'));
  mock.timers.enable({ apis: ['setInterval'] });
});
afterEach(() => {
  mock.timers.reset();
  rmSync(folder, { recursive: true });
});

type Contents = Partial<Record<keyof typeof FILES, string>>;

function write(contents: Contents, where = folder): void {
  for (const [name, text] of Object.entries(contents))
    writeFileSync(join(where, FILES[name as keyof typeof FILES]), text);
}

/** Watches what is there, with what came into force and the names of what was logged. */
function watch(where = folder) {
  const replaced: string[] = [];
  const notices: string[] = [];
  const texts: string[] = [];
  const metrics = createMetrics({ component: 'intake', version: '1' });
  const watching = watchCertificate({
    use: 'grpc',
    files: {
      certFile: join(where, FILES.cert),
      keyFile: join(where, FILES.key),
      caFile: join(where, FILES.ca),
    },
    expiry: createCertificateExpiry(metrics),
    log: {
      log: () => undefined,
      flush: () => undefined,
      notice: (_level, name, text) => {
        notices.push(name);
        texts.push(text);
      },
    },
  });
  watching.onReplaced(({ cert }) => replaced.push(cert.toString()));
  const sample = /^tdc_tls_certificate_not_after_timestamp_seconds\{use="grpc"\} (\S+)$/m;
  return {
    current: () => watching.current(),
    replaced,
    notices,
    texts,
    look: () => mock.timers.tick(LOOK_MS),
    /** What the metric says, seconds. */
    expiry: async () => Number(sample.exec(await metrics.text())?.[1]),
  };
}

const endOf = ({ cert }: KeyPair): number => Date.parse(new X509Certificate(cert).validTo) / 1000;

describe('a certificate at the start', () => {
  beforeEach(() => write({ ...one, ca: authority.cert }));

  it('is loaded with its key and the authority of the peers', async () => {
    const { current, expiry } = watch();
    const { cert, key, ca } = current();
    assert.deepEqual([cert.toString(), key.toString(), ca?.toString()], [one.cert, one.key, authority.cert]);
    assert.equal(await expiry(), endOf(one));
  });

  const refused: readonly [string, () => Contents, RegExp][] = [
    [
      'with a key that is not its own',
      () => ({ key: other.key }),
      /tls\.crt and key .*tls\.key cannot be used: the key .* is not that/,
    ],
    ['that is none', () => ({ cert: 'no certificate' }), /tls\.crt holds no certificate/],
    ['whose key is none', () => ({ key: 'no key' }), /tls\.key holds no private key/],
    ['beside an authority that is none', () => ({ ca: 'no authority' }), /ca\.crt holds no certificates/],
    [
      'beside an authority that is spoilt',
      () => ({ ca: authority.cert.replace('MII', 'III') }),
      /ca\.crt holds no certificates/,
    ],
  ];
  for (const [name, contents, problem] of refused) {
    it(`${name} is refused`, () => {
      write(contents());
      assert.throws(watch, (error) => error instanceof ConfigError && problem.test(error.message));
    });
  }

  it('that is not there is refused', () => {
    rmSync(join(folder, FILES.key));
    assert.throws(watch, (error) => error instanceof ConfigError && /ENOENT.*tls\.key/.test(error.message));
  });
});

describe('a certificate that is renewed', () => {
  beforeEach(() => write({ ...one, ca: authority.cert }));

  it('comes into force, and the metric follows', async () => {
    const { replaced, notices, look, expiry } = watch();
    write(other);
    look();
    await waitUntil(() => notices.length === 1);
    assert.deepEqual([replaced, notices], [[other.cert], ['certificate-replaced']]);
    assert.equal(await expiry(), endOf(other));
  });

  it('waits for its key, and is complained of once', async () => {
    const { replaced, notices, look, current, expiry } = watch();
    write({ cert: other.cert });
    look();
    await waitUntil(() => notices.length === 1);
    look();
    look();
    assert.equal(current().cert.toString(), one.cert);
    assert.equal(await expiry(), endOf(one));
    write({ key: other.key });
    look();
    await waitUntil(() => replaced.length === 1);
    assert.deepEqual(notices, ['certificate-refused', 'certificate-replaced']);
  });

  it('and is gone for a moment leaves the old one in force, which is told once', async () => {
    const { replaced, notices, look } = watch();
    rmSync(join(folder, FILES.cert));
    look();
    await waitUntil(() => notices.length === 1);
    look();
    write(other);
    look();
    await waitUntil(() => replaced.length === 1);
    assert.deepEqual(notices, ['certificate-unreadable', 'certificate-replaced']);
  });

  it('is seen through links that are swapped', async () => {
    for (const [name, pair] of Object.entries({ old: one, new: other })) {
      mkdirSync(join(folder, name));
      write({ ...pair, ca: authority.cert }, join(folder, name));
    }
    symlinkSync('old', join(folder, 'data'));
    const { replaced, look } = watch(join(folder, 'data'));
    symlinkSync('new', join(folder, 'data.new'));
    renameSync(join(folder, 'data.new'), join(folder, 'data'));
    look();
    await waitUntil(() => replaced.length === 1);
    assert.deepEqual(replaced, [other.cert]);
  });
});

describe('an authority that is changed', () => {
  beforeEach(() => write({ ...one, ca: authority.cert }));

  it('comes into force beside the certificate that stays', async () => {
    const { notices, look, current } = watch();
    write({ ca: foreign.cert });
    look();
    await waitUntil(() => notices.length === 1);
    assert.equal(current().ca?.toString(), foreign.cert);
    assert.deepEqual(notices, ['certificate-replaced']);
  });

  it('waits while it is half written', async () => {
    const { notices, look, current, texts } = watch();
    write({ ca: foreign.cert.slice(0, 200) });
    look();
    await waitUntil(() => notices.length === 1);
    assert.match(texts[0] ?? '', /cannot be used: .*ca\.crt holds no certificates/);
    assert.equal(current().ca?.toString(), authority.cert);
  });
});
