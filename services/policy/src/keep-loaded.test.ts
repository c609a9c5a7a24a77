import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError, createMetrics, type Logger } from '@tdc/platform';
import { keepLoaded } from './keep-loaded.ts';
import { createPolicyMetrics } from './metrics.ts';
import type { LoadResult, PolicyStore } from './policy-store.ts';
import type { Revision } from './ports.ts';

const revision = (number: number): Revision => ({
  revision: number,
  sha256: `hash of ${number}`,
  documentJson: '',
  document: undefined as unknown as Revision['document'],
  loadedAt: 5000,
});

const inForce = (number: number): LoadResult => ({ kind: 'in-force', revision: revision(number) });
const refused: LoadResult = { kind: 'refused', problems: ['a is wrong', 'b is wrong'] };
const unnumbered: LoadResult = { kind: 'unnumbered', reason: 'Redis is away' };
const unchanged: LoadResult = { kind: 'unchanged', revision: 1, mended: true };

/** A loader over a store whose loads come out like this, one after another. */
function setUp(...results: LoadResult[]) {
  const notices: string[] = [];
  const pushed: number[] = [];
  let current: Revision | undefined;
  const log: Logger = {
    log: () => undefined,
    flush: () => undefined,
    notice: (level, name) => void notices.push(`${level} ${name}`),
  };
  const metrics = createMetrics({ component: 'policy', version: '1' });
  const store: PolicyStore = {
    current: () => current,
    loadError: () => '',
    whyNone: () => '',
    async load() {
      const result = results.shift() ?? unchanged;
      if (result.kind === 'in-force') current = result.revision;
      return result;
    },
  };
  const loader = keepLoaded({
    store,
    log,
    metrics: createPolicyMetrics(metrics),
    inForce: (pushedRevision) => void pushed.push(pushedRevision.revision),
  });
  const sample = async (name: string): Promise<number> => {
    const line = (await metrics.text()).split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.split(' ')[1]);
  };
  return { loader, notices, pushed, sample };
}

describe('the loader', () => {
  it('takes the first document into force', async () => {
    const { loader, notices, pushed, sample } = setUp(inForce(3));
    await loader.first();
    assert.deepEqual([pushed, notices], [[3], ['info policy-revision']]);
    assert.equal(await sample('tdc_policy_revision'), 3);
    assert.equal(await sample('tdc_policy_document_valid'), 1);
    assert.equal(await sample('tdc_policy_last_load_timestamp_seconds'), 5);
    assert.equal(await sample('tdc_policy_loads_total{result="valid"}'), 1);
    assert.equal(await sample('tdc_policy_loads_total{result="invalid"}'), 0);
  });

  it('refuses to start on a document that is not valid, with every problem', async () => {
    const { loader, notices } = setUp(refused);
    await assert.rejects(
      loader.first(),
      (error) => error instanceof ConfigError && error.problems.join() === 'a is wrong,b is wrong',
    );
    assert.deepEqual(notices, ['critical policy-refused', 'critical policy-refused']);
  });

  it('waits with the start until the document has a number, and says so once', async () => {
    const { loader, notices, pushed } = setUp(unnumbered, unnumbered, inForce(1));
    await loader.first();
    assert.deepEqual([pushed, notices], [[1], ['warning policy-unnumbered', 'info policy-revision']]);
  });

  it('goes on with the last good document when an edit is not valid, until it is mended', async () => {
    const { loader, notices, pushed, sample } = setUp(inForce(1), refused, unchanged);
    await loader.first();
    loader.changed();
    await new Promise(setImmediate);
    assert.equal(await sample('tdc_policy_document_valid'), 0);
    assert.equal(await sample('tdc_policy_loads_total{result="invalid"}'), 1);
    assert.equal(await sample('tdc_policy_revision'), 1);
    loader.changed();
    await new Promise(setImmediate);
    assert.equal(await sample('tdc_policy_document_valid'), 1);
    assert.deepEqual(pushed, [1]);
    assert.deepEqual(notices.slice(1), [
      'critical policy-refused',
      'critical policy-refused',
      'info policy-mended',
    ]);
  });

  it('pushes each further revision', async () => {
    const { loader, pushed } = setUp(inForce(1), inForce(2), inForce(3));
    await loader.first();
    loader.changed();
    loader.changed();
    await new Promise(setImmediate);
    assert.deepEqual(pushed, [1, 2, 3]);
  });
});
