import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textOf } from '../architecture/source-tree.ts';
import { render } from '../support/chart.ts';
import { HELM_MAJORS } from '../support/helm.ts';
import { GOLDEN_MODES, goldenObjects, goldenPath, goldenText, immutableParts } from './golden.ts';
import { MODES, renderMode } from './manifests.ts';

describe('the rendered examples', () => {
  for (const name of GOLDEN_MODES) {
    for (const major of HELM_MAJORS) {
      it(`${name} is what Helm ${major} makes of its values (npm run gen:chart)`, () => {
        const mode = MODES.find((one) => one.name === name) ?? assert.fail(`there is no mode ${name}`);
        const text = goldenText(name, renderMode(major, mode));
        assert.deepEqual(goldenObjects(textOf(goldenPath(name))), goldenObjects(text));
      });
    }
  }
});

describe('an upgrade', () => {
  it('changes nothing that Kubernetes does not let change (test/chart/immutable.json)', () => {
    const proxyProtocol = { enabled: true, trustedCIDRs: ['10.0.0.0/8'] };
    const metrics = { serviceMonitor: { enabled: true } };
    const now = immutableParts(render(4, { standIn: { enabled: true }, intake: { proxyProtocol }, metrics }));
    assert.deepEqual(JSON.parse(JSON.stringify(now)), JSON.parse(textOf('test/chart/immutable.json')));
  });
});
