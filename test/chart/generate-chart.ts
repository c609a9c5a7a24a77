import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { GOLDEN_MODES, goldenPath, goldenText } from './golden.ts';
import { MODES, renderMode } from './manifests.ts';
import { valuesSchema } from './values-schema.ts';
import { readmeWithValues } from './values-table.ts';

const CHART = 'charts/tdc';

const values = readFileSync(`${CHART}/values.yaml`, 'utf8');
writeFileSync(`${CHART}/values.schema.json`, `${JSON.stringify(valuesSchema(values), null, 2)}\n`);
writeFileSync(`${CHART}/README.md`, readmeWithValues(readFileSync(`${CHART}/README.md`, 'utf8'), values));
mkdirSync(`${CHART}/ci/golden`, { recursive: true });
for (const mode of MODES.filter(({ name }) => (GOLDEN_MODES as readonly string[]).includes(name))) {
  writeFileSync(goldenPath(mode.name), goldenText(mode.name, renderMode(4, mode)));
}
