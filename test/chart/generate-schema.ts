import { readFileSync, writeFileSync } from 'node:fs';
import { valuesSchema } from './values-schema.ts';

const schema = valuesSchema(readFileSync('charts/tdc/values.yaml', 'utf8'));
writeFileSync('charts/tdc/values.schema.json', `${JSON.stringify(schema, null, 2)}\n`);
