import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expositionProblems } from './exposition.ts';
import { parsePrometheusText, sampleOf } from './prometheus-text.ts';

const GOOD = `# HELP tdc_seen_total messages
# TYPE tdc_seen_total counter
tdc_seen_total{intake="a b",reason="x"} 3
tdc_seen_total{intake="c",reason="x"} 4
# HELP tdc_size_bytes sizes
# TYPE tdc_size_bytes histogram
tdc_size_bytes_bucket{le="+Inf"} 2
tdc_size_bytes_sum 10
tdc_size_bytes_count 2
`;

describe('reading metrics', () => {
  const samples = parsePrometheusText(GOOD);
  const CASES: readonly (readonly [
    name: string,
    labels: Record<string, string>,
    value: number | undefined,
  ])[] = [
    ['tdc_seen_total', { intake: 'a b' }, 3],
    ['tdc_seen_total', { reason: 'x' }, 7],
    ['tdc_seen_total', {}, 7],
    ['tdc_seen_total', { intake: 'd' }, undefined],
    ['tdc_seen', {}, undefined],
    ['tdc_size_bytes_count', {}, 2],
  ];
  for (const [name, labels, value] of CASES) {
    it(`${name} ${JSON.stringify(labels)} is ${value}`, () => {
      assert.equal(sampleOf(samples, name, labels), value);
    });
  }
});

describe('what is wrong with an exposition', () => {
  it('nothing is wrong with a good one', () => assert.deepEqual(expositionProblems(GOOD), []));

  const BAD: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
    ['a last line without end', GOOD.trimEnd(), /no end/],
    ['a sample without a type', `${GOOD}tdc_other 1\n`, /no TYPE/],
    ['a sample twice', `${GOOD}tdc_size_bytes_sum 11\n`, /twice/],
    ['a value that is no number', GOOD.replace('} 3', '} x'), /no number/],
    ['a label that ends early', GOOD.replace('"a b"', '"a"b"'), /broken labels/],
    ['a counter by another name', GOOD.replaceAll('tdc_seen_total', 'tdc_seen'), /tdc_seen is a counter/],
  ];
  for (const [what, text, problem] of BAD) {
    it(what, () => assert.match(expositionProblems(text).join('\n'), problem));
  }
});
