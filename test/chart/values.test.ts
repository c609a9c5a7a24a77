import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textOf } from '../architecture/source-tree.ts';
import { refusal, render } from '../support/chart.ts';
import { HELM_MAJORS } from '../support/helm.ts';
import { valuesSchema } from './values-schema.ts';
import { readmeWithValues } from './values-table.ts';

describe('the values of the chart', () => {
  it('have a schema that is made from them (npm run gen:chart)', () => {
    const schema = `${JSON.stringify(valuesSchema(textOf('charts/tdc/values.yaml')), null, 2)}\n`;
    assert.equal(schema, textOf('charts/tdc/values.schema.json'));
  });

  it('are told in the README of the chart as they are (npm run gen:chart)', () => {
    const readme = textOf('charts/tdc/README.md');
    assert.equal(readmeWithValues(readme, textOf('charts/tdc/values.yaml')), readme);
  });

  /** Helm 3 and 4 word a violation differently: what is looked for is the path. */
  const WRONG: readonly (readonly [name: string, values: unknown, path: RegExp])[] = [
    ['a misspelt process', { intakes: {} }, /intakes/],
    ['a misspelt key', { intake: { replica: 3 } }, /replica/],
    ['a word for a number', { delivery: { replicas: 'many' } }, /delivery[./]replicas/],
    ['no replica at all', { delivery: { replicas: 0 } }, /delivery[./]replicas/],
    ['an unknown log format', { log: { format: 'xml' } }, /log[./]format/],
    ['an unknown policy for bare line ends', { intake: { bareNewlines: 'drop' } }, /intake[./]bareNewlines/],
    [
      'a grace as long as a copy’s life',
      { delivery: { terminationGracePeriodSeconds: 120 } },
      /delivery[./]terminationGracePeriodSeconds/,
    ],
  ];
  for (const major of HELM_MAJORS) {
    for (const [name, values, path] of WRONG) {
      it(`Helm ${major} refuses ${name}, and says where`, () => assert.match(refusal(major, values), path));
    }
    it(`Helm ${major} takes what a chart above adds`, () => {
      assert.ok(render(major, { global: { clusterDomain: 'cluster.local' }, enabled: true }).length > 0);
    });
  }
});
