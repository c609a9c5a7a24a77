import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filesBelow, isTest, textOf } from '../architecture/source-tree.ts';
import { find } from '../support/chart.ts';
import { COMPONENTS, MODES, podOf, renderMode } from './manifests.ts';

/** What a pod is given for somebody else: Node.js, and the command line that is run in the monitor's. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  monitor: ['TDC_MONITOR_ADDRESS', 'TDC_SMTP_ADDRESS'],
};
const NOT_OURS = ['NODE_OPTIONS', 'TZ'];

const platform = filesBelow('services/platform/src', '.ts').filter((file) => !isTest(file));

describe('the chart and the code', () => {
  for (const component of COMPONENTS) {
    const sources = [`services/${component}/src/config.ts`, ...platform].map(textOf).join('\n');
    const known = [...NOT_OURS, ...(OTHERS[component] ?? [])];

    it(`set variables that ${component} reads, and no others, in whatever mode`, () => {
      for (const mode of MODES) {
        const manifests = renderMode(4, mode);
        const pod = manifests.find(
          ({ kind, metadata }) => kind === 'Deployment' && metadata.name === `tdc-${component}`,
        );
        if (pod === undefined) continue;
        const [container] = podOf(pod).containers;
        assert.deepEqual(container?.args, [component]);
        const unread = (container?.env ?? [])
          .map(({ name }) => name)
          .filter((name) => !known.includes(name) && !sources.includes(`'${name}'`));
        assert.deepEqual(unread, [], mode.name);
      }
    });
  }

  it('no variable is set twice', () => {
    for (const mode of MODES) {
      for (const component of ['intake', 'delivery', 'monitor']) {
        const [container] = podOf(find(renderMode(4, mode), 'Deployment', `-${component}`)).containers;
        const names = (container?.env ?? []).map(({ name }) => name);
        assert.deepEqual(names, [...new Set(names)], `${mode.name}: ${component}`);
      }
    }
  });
});
