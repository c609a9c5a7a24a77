import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, it, mock } from 'node:test';
import { ConfigError } from '@tdc/platform';
import { createAuthority, type KeyPair } from '@tdc/stand-in';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { loadTls, watchTls } from './tls-files.ts';

const LOOK_MS = 2000;

describe('the certificate', () => {
  let folder = '';
  let files = { certFile: '', keyFile: '' };
  let one: KeyPair;
  let other: KeyPair;
  before(async () => {
    const authority = await createAuthority();
    [one, other] = await Promise.all([
      authority.issue({ names: ['a.example'] }),
      authority.issue({ names: ['b.example'] }),
    ]);
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tdc-tls-'));
    files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
    write(one);
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = ({ cert, key }: Partial<KeyPair>): void => {
    if (cert !== undefined) writeFileSync(files.certFile, cert);
    if (key !== undefined) writeFileSync(files.keyFile, key);
  };

  it('is loaded with its key', () => {
    assert.equal(loadTls(files.certFile, files.keyFile).cert.toString(), one.cert);
  });

  it('with a key that is not its own is refused', () => {
    write({ key: other.key });
    assert.throws(() => loadTls(files.certFile, files.keyFile), ConfigError);
  });

  it('that is none is refused', () => {
    write({ cert: 'no certificate' });
    assert.throws(() => loadTls(files.certFile, files.keyFile), ConfigError);
  });

  describe('that is renewed', () => {
    /** Watches, with what was put into service and the names of what was logged. */
    const watch = () => {
      const served: string[] = [];
      const notices: string[] = [];
      const watching = watchTls({
        ...files,
        current: loadTls(files.certFile, files.keyFile),
        replaced: ({ cert }) => void served.push(cert.toString()),
        log: { log: () => undefined, notice: (_level, name) => void notices.push(name) },
      });
      return { served, notices, stop: () => watching.stop(), look: () => mock.timers.tick(LOOK_MS) };
    };
    beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }));
    afterEach(() => mock.timers.reset());

    it('is put into service', async () => {
      const { served, notices, stop, look } = watch();
      write(other);
      look();
      await waitUntil(() => served.length === 1);
      assert.deepEqual([served, notices], [[other.cert], ['certificate-replaced']]);
      stop();
    });

    it('waits for its key, and is complained of once', async () => {
      const { served, notices, stop, look } = watch();
      write({ cert: other.cert });
      look();
      await waitUntil(() => notices.length === 1);
      look();
      look();
      write({ key: other.key });
      look();
      await waitUntil(() => served.length === 1);
      assert.deepEqual(notices, ['certificate-refused', 'certificate-replaced']);
      stop();
    });

    it('and is gone for a moment leaves the old one in service', async () => {
      const { served, notices, stop, look } = watch();
      rmSync(files.certFile);
      look();
      await waitUntil(() => notices.length === 1);
      assert.deepEqual([served, notices], [[], ['certificate-unreadable']]);
      write(other);
      look();
      await waitUntil(() => served.length === 1);
      stop();
    });
  });
});
