import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Figures } from './figures.ts';
import type { Run } from './measure.ts';
import { ratioOf, renderAnchors, renderLoad } from './results.ts';

const FIGURES: Figures = {
  acceptedPerSecond: 100,
  copiesPerSecond: 100,
  cpuSecondsPerThousand: 1,
  redisCpuSecondsPerThousand: 0,
  peakMiB: 10,
  acceptP50Ms: undefined,
  acceptP99Ms: undefined,
  acceptToDeliveredP50Ms: undefined,
  acceptToDeliveredP99Ms: undefined,
  messagesPerConnection: 50,
  roundTripsPerMessage: undefined,
  deferred: 0,
  harnessCpuSecondsPerThousand: 0.1,
};
const run = (figures: Partial<Figures>, disturbed = false): Run => ({
  figures: { ...FIGURES, ...figures },
  faults: { lost: 0, doubled: 0, clearText: 0, foreign: 0 },
  foreign: disturbed ? 0.5 : 0,
  disturbed,
  tries: 1,
});

describe('ratios', () => {
  it('are of each round, not of the medians', () => {
    assert.deepEqual(ratioOf([10, 30, 40], [10, 10, 80]), { median: 1, min: 0.5, max: 3 });
  });
  it('leave out what one of both did not measure', () => {
    assert.deepEqual(ratioOf([10, undefined], [5, 1]), { median: 2, min: 2, max: 2 });
    assert.equal(ratioOf([1], []), undefined);
  });
});

describe('the table of a load', () => {
  const runs = { tdc: [run({ copiesPerSecond: 400 })], Postfix: [run({ copiesPerSecond: 100 }, true)] };
  const text = renderLoad({ load: '4 KB', count: 10, runs });

  it('shows both systems and the ratio', () =>
    assert.match(text, /^\| copies\/s +\| +400 \| +100 \| +4\.00 \|$/m));
  it('leaves out what the load does not measure', () => assert.doesNotMatch(text, /accept p50|try later/));
  it('says which run was disturbed', () =>
    assert.match(text, /Disturbed by other programs: Postfix in round 1 \(0\.500 of a core\)\./));
  it('has no ratio where one system ran alone', () =>
    assert.doesNotMatch(renderLoad({ load: '4 KB', count: 10, runs: { tdc: runs.tdc } }), / \/ /));
});

describe('the table of the anchors', () => {
  it('shows copies per second as a share of the wire', () => {
    const results = [{ load: '4 KB', count: 1, runs: { tdc: [run({ copiesPerSecond: 500 })] } }];
    const text = renderAnchors({ wire: [2000], harness: [4000] }, results);
    assert.match(text, /^\| load to sink of this benchmark, no TLS +\| +4,000 \| +2\.00 \|$/m);
    assert.match(text, /^\| tdc: 4 KB +\| +500 \| +0\.250 \|$/m);
  });
});
