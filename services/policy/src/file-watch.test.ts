import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { watchPolicyFile } from './file-watch.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-watch-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Watches the file; `change` does something and waits until the watch has called back for it. */
async function watching(path: string) {
  let calls = 0;
  const watch = await watchPolicyFile(path, () => {
    calls += 1;
  });
  closing.push(() => watch.stop());
  return {
    calls: () => calls,
    async sees(change: () => void): Promise<void> {
      const before = calls;
      change();
      await waitUntil(() => calls > before, { what: 'a call back' });
    },
  };
}

describe('a change of the policy document is seen', () => {
  it('when it is written in place, again and again', async () => {
    const path = join(temporaryFolder(), 'policy.yaml');
    writeFileSync(path, 'a');
    const watch = await watching(path);
    await watch.sees(() => writeFileSync(path, 'b'));
    await watch.sees(() => appendFileSync(path, 'c'));
  });

  it('when an editor renames a new file over it', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'policy.yaml');
    writeFileSync(path, 'a');
    const watch = await watching(path);
    for (const text of ['b', 'c']) {
      await watch.sees(() => {
        writeFileSync(join(folder, '.policy.swp'), text);
        renameSync(join(folder, '.policy.swp'), path);
      });
    }
  });

  it('when a ConfigMap is updated: the link to its data is swapped', async () => {
    const folder = temporaryFolder();
    const update = (name: string): void => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'policy.yaml'), name);
      symlinkSync(name, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    update('..1');
    symlinkSync(join('..data', 'policy.yaml'), join(folder, 'policy.yaml'));
    const watch = await watching(join(folder, 'policy.yaml'));
    await watch.sees(() => update('..2'));
    await watch.sees(() => update('..3'));
  });

  it('when the folder itself is a link that is swapped', async () => {
    const folder = temporaryFolder();
    for (const name of ['one', 'two']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'policy.yaml'), name);
    }
    symlinkSync('one', join(folder, 'current'));
    const watch = await watching(join(folder, 'current', 'policy.yaml'));
    await watch.sees(() => {
      symlinkSync('two', join(folder, 'next'));
      renameSync(join(folder, 'next'), join(folder, 'current'));
    });
  });

  it('when it is removed, and when it is there again', async () => {
    const path = join(temporaryFolder(), 'policy.yaml');
    writeFileSync(path, 'a');
    const watch = await watching(path);
    await watch.sees(() => unlinkSync(path));
    await watch.sees(() => writeFileSync(path, 'a'));
  });

  for (const name of [
    'caFile: ca.pem',
    'caFile: "my ca.pem"',
    "{ tls: { caFile: 'ca.pem' } }",
    '{"caFile":"ca.pem"}',
  ]) {
    it(`when a file that it names has other bytes: ${name}`, async () => {
      const folder = temporaryFolder();
      const path = join(folder, 'policy.yaml');
      const ca = join(folder, name.includes('my ca') ? 'my ca.pem' : 'ca.pem');
      writeFileSync(path, name);
      const watch = await watching(path);
      await watch.sees(() => writeFileSync(ca, 'one'));
      await watch.sees(() => writeFileSync(ca, 'two'));
    });
  }
});

describe('what is no change of the policy document', () => {
  it('is not reported: other files, the same bytes again', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'policy.yaml');
    writeFileSync(path, 'a');
    const watch = await watching(path);
    writeFileSync(join(folder, 'other'), 'x');
    writeFileSync(path, 'a');
    await watch.sees(() => writeFileSync(path, 'b'));
    assert.equal(watch.calls(), 1);
  });
});
