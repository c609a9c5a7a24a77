import { isMap, isPair, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { OPEN, RULES } from './values-rules.ts';

type Schema = Record<string, unknown>;

/** A pair's key as text. */
export const keyOf = (pair: Pair): string => String(isScalar(pair.key) ? pair.key.value : pair.key);

/** The comment above a key, `# -- What it does`; '' without one. */
export function descriptionOf(map: YAMLMap, pair: Pair): string {
  const first = map.items[0] === pair ? map.commentBefore : undefined;
  const own = isScalar(pair.key) ? pair.key.commentBefore : undefined;
  const text = own ?? first ?? '';
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('-- '))
    .map((line) => line.slice(3))
    .join(' ');
}

const rulesFor = (path: string): Schema => ({ ...RULES[path.replace(/^[^.]+/, '*')], ...RULES[path] });

const TYPES: Readonly<Record<string, string>> = { boolean: 'boolean', number: 'integer', string: 'string' };

function schemaOfValue(value: unknown, path: string): Schema {
  const type = Array.isArray(value) ? 'array' : TYPES[typeof value];
  if (type === undefined) throw new Error(`values.yaml: ${path} has no default to tell its type`);
  return { type };
}

function schemaOfMap(map: YAMLMap, path: string): Schema {
  if (OPEN.test(path)) return { type: 'object' };
  const properties: Record<string, Schema> = {};
  for (const pair of map.items) {
    if (!isPair(pair)) continue;
    const key = keyOf(pair);
    const below = path === '' ? key : `${path}.${key}`;
    const { value } = pair;
    const inner = isMap(value)
      ? schemaOfMap(value, below)
      : schemaOfValue((value as { toJSON?: () => unknown } | null)?.toJSON?.(), below);
    const description = descriptionOf(map, pair);
    properties[key] = { ...(description === '' ? {} : { description }), ...inner, ...rulesFor(below) };
  }
  return { type: 'object', additionalProperties: false, properties };
}

/**
 * The JSON schema of a values file, from its defaults and comments: closed, so that a misspelt value is an error. `global`
 * and `enabled` belong to a chart above, which may add to the one and set the other.
 */
export function valuesSchema(valuesYaml: string): Schema {
  const document = parseDocument(valuesYaml);
  if (!isMap(document.contents)) throw new Error('values.yaml must be a mapping');
  const schema = schemaOfMap(document.contents as YAMLMap, '') as { properties: Record<string, Schema> };
  schema.properties['global'] = { ...schema.properties['global'], additionalProperties: true };
  schema.properties['enabled'] = { type: 'boolean' };
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Values of the tdc chart', ...schema };
}
