import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { waitUntil } from '../../test/support/wait-until.ts';
import { followFile } from './follow-file.ts';

describe('following a file', () => {
  let folder: string;
  let file: string;
  let told: string;
  const out = {
    write(chunk: Buffer) {
      told += chunk.toString();
    },
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tdc-follow-'));
    file = join(folder, 'mail.log');
    told = '';
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('tells what is added, not what was there', () => {
    writeFileSync(file, 'before\n');
    const follow = followFile(file, out);
    appendFileSync(file, 'one\n');
    follow.stop();
    assert.equal(told, 'one\n');
  });

  it('tells more than a piece at a time, whole', () => {
    const follow = followFile(file, out);
    const text = 'line\n'.repeat(40_000);
    appendFileSync(file, text);
    follow.stop();
    assert.equal(told, text);
  });

  it('waits for a file that is not there, and begins anew in one that was emptied', async () => {
    const follow = followFile(file, out);
    try {
      appendFileSync(file, 'one\n');
      await waitUntil(() => told === 'one\n', { what: 'the first line' });
      truncateSync(file);
      appendFileSync(file, 'a\n');
      await waitUntil(() => told === 'one\na\n', { what: 'the line behind the cut' });
    } finally {
      follow.stop();
    }
  });
});
