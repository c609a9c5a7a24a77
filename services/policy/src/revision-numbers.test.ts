import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import type { RevisionNumbers } from './ports.ts';
import { rememberNumbers } from './revision-numbers.ts';

const folder = mkdtempSync(join(tmpdir(), 'tdc-numbers-'));
const path = join(folder, 'policy-revisions.json');
beforeEach(() => rmSync(path, { force: true }));
after(() => rmSync(folder, { recursive: true }));

const away: RevisionNumbers = { revisionOf: () => Promise.reject(new Error('Redis is away')) };

/** Numbers from 1 in the order of asking. */
function counting(from = 1): RevisionNumbers {
  const given = new Map<string, number>();
  return {
    async revisionOf(sha256) {
      const number = given.get(sha256) ?? from + given.size;
      given.set(sha256, number);
      return number;
    },
  };
}

describe('the numbers of documents', () => {
  it('are those of the store', async () => {
    const numbers = rememberNumbers(counting(), folder);
    assert.deepEqual([await numbers.revisionOf('a'), await numbers.revisionOf('b')], [1, 2]);
  });

  it('are remembered over a restart without the store', async () => {
    await rememberNumbers(counting(7), folder).revisionOf('a');
    assert.equal(await rememberNumbers(away, folder).revisionOf('a'), 7);
  });

  it('of a document never seen cannot be had without the store', async () => {
    await rememberNumbers(counting(), folder).revisionOf('a');
    await assert.rejects(rememberNumbers(away, folder).revisionOf('b'), /Redis is away/);
  });

  it('follow the store where the two differ', async () => {
    await rememberNumbers(counting(7), folder).revisionOf('a');
    assert.equal(await rememberNumbers(counting(1), folder).revisionOf('a'), 1);
    assert.equal(await rememberNumbers(away, folder).revisionOf('a'), 1);
  });

  it('of the last hundred in use are remembered, an old document in use again among them', async () => {
    const numbers = rememberNumbers(counting(), folder);
    for (let n = 0; n < 150; n += 1) await numbers.revisionOf(`document ${n}`);
    await numbers.revisionOf('document 0');
    assert.equal(Object.keys(JSON.parse(readFileSync(path, 'utf8')) as object).length, 100);
    assert.equal(await rememberNumbers(away, folder).revisionOf('document 0'), 1);
    await assert.rejects(rememberNumbers(away, folder).revisionOf('document 1'));
  });

  for (const spoilt of ['', '{', 'null', '{"a":"7"}']) {
    it(`begin anew where the file holds '${spoilt}'`, async () => {
      writeFileSync(path, spoilt);
      await assert.rejects(rememberNumbers(away, folder).revisionOf('a'));
      assert.equal(await rememberNumbers(counting(), folder).revisionOf('a'), 1);
    });
  }

  it('are given although they cannot be kept', async () => {
    const numbers = rememberNumbers(counting(), join(folder, 'missing'));
    assert.equal(await numbers.revisionOf('a'), 1);
  });

  it('are those of the store alone without a folder', async () => {
    await assert.rejects(rememberNumbers(away, undefined).revisionOf('a'));
  });
});
