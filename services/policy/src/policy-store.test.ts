import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createPolicyStore, type PolicyStore } from './policy-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'tdc-store-'));
const path = join(folder, 'policy.yaml');
after(() => rmSync(folder, { recursive: true }));

const write = (alias: string): void =>
  writeFileSync(path, `version: 1\nintakes: { ${alias}: { address: a@example.com } }\n`);
const spoil = (): void => writeFileSync(path, 'version: 2\n');

/** A store that numbers from 1, while `redis.away` is not set. */
function createStore(): { store: PolicyStore; redis: { away: boolean } } {
  const redis = { away: false };
  let given = 0;
  const store = createPolicyStore({
    path,
    numbers: {
      revisionOf: async () => {
        if (redis.away) throw new Error('Redis is away');
        given += 1;
        return given;
      },
    },
    now: () => 1000,
    formatProblems: (problems) => problems.map(({ field, message }) => `${field} ${message}`),
  });
  return { store, redis };
}

describe('the store of the document in force', () => {
  it('has none before the first load', () => {
    const { store } = createStore();
    assert.equal(store.current(), undefined);
    assert.match(store.whyNone(), /none was read yet/);
  });

  it('numbers a valid document and takes it into force', async () => {
    write('one');
    const { store } = createStore();
    const result = await store.load();
    assert.ok(result.kind === 'in-force');
    assert.equal(result.revision, store.current());
    assert.deepEqual(
      [result.revision.revision, result.revision.loadedAt, Object.keys(result.revision.document.intakes)],
      [1, 1000, ['one']],
    );
  });

  it('asks for no number where only blanks and comments changed', async () => {
    write('one');
    const { store } = createStore();
    await store.load();
    writeFileSync(path, '# mine\nversion: 1\n\nintakes: { one: { address: a@example.com } }\n');
    assert.deepEqual(await store.load(), { kind: 'unchanged', revision: 1, mended: false });
  });

  it('keeps the last good document when a newer one is not valid, and says why', async () => {
    write('one');
    const { store } = createStore();
    await store.load();
    spoil();
    const result = await store.load();
    assert.deepEqual(result, { kind: 'refused', problems: ['version must be 1'] });
    assert.equal(store.current()?.revision, 1);
    assert.equal(store.loadError(), 'version must be 1');
    write('one');
    assert.deepEqual(await store.load(), { kind: 'unchanged', revision: 1, mended: true });
    assert.equal(store.loadError(), '');
  });

  it('keeps the last good document while a newer one has no number, and says why', async () => {
    write('one');
    const { store, redis } = createStore();
    await store.load();
    redis.away = true;
    write('two');
    assert.deepEqual(await store.load(), { kind: 'unnumbered', reason: 'Redis is away' });
    assert.equal(store.current()?.revision, 1);
    assert.match(store.loadError(), /valid, but has no revision number yet: Redis is away/);
    redis.away = false;
    assert.equal((await store.load()).kind, 'in-force');
    assert.deepEqual([store.current()?.revision, store.loadError()], [2, '']);
  });

  it('says why nothing is in force', async () => {
    spoil();
    const { store } = createStore();
    await store.load();
    assert.equal(store.whyNone(), 'no policy document is in force: version must be 1');
  });
});
