import { isMap, isPair, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { OPEN } from './values-rules.ts';
import { descriptionOf, keyOf } from './values-schema.ts';

const START = '<!-- values: npm run gen:chart -->\n';
const END = '<!-- end of values -->';

interface Row {
  readonly path: string;
  readonly value: unknown;
  readonly description: string;
}

function rowsOf(map: YAMLMap, path: string): readonly Row[] {
  return map.items.flatMap((pair) => {
    if (!isPair(pair)) return [];
    const key = keyOf(pair);
    const below = path === '' ? key : `${path}.${key}`;
    const { value } = pair;
    const description = descriptionOf(map, pair);
    if (isMap(value) && value.items.length > 0 && !OPEN.test(below)) {
      const rows = rowsOf(value as YAMLMap, below);
      return description === '' ? rows : [{ path: below, value: undefined, description }, ...rows];
    }
    return [{ path: below, value: (value as { toJSON(): unknown }).toJSON(), description }];
  });
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

function line({ path, value, description }: Row): string {
  const shown = value === undefined ? '' : `\`${JSON.stringify(value)}\``;
  return `| \`${path}\` | ${cell(shown)} | ${cell(description)} |`;
}

/** What stands above a block in the values file, without the comments that belong to a single value. */
function introduction(map: YAMLMap, pair: Pair): string {
  const comment =
    (isScalar(pair.key) ? pair.key.commentBefore : undefined) ??
    (map.items[0] === pair ? map.commentBefore : '');
  const lines = (comment ?? '').split('\n').map((one) => one.trim());
  return lines.filter((one) => one !== '' && !one.startsWith('-- ')).join(' ');
}

/** The values as tables, one for each block, from the file's defaults and comments. */
function tables(valuesYaml: string): string {
  const { contents } = parseDocument(valuesYaml);
  if (!isMap(contents)) throw new Error('values.yaml must be a mapping');
  const map = contents as YAMLMap;
  const head = '| value | default | meaning |\n| --- | --- | --- |';
  const general: string[] = [];
  const blocks: string[] = [];
  for (const pair of map.items) {
    if (!isPair(pair)) continue;
    const rows = rowsOf({ ...map, items: [pair] } as unknown as YAMLMap, '').map(line);
    if (rows.length === 1) general.push(...rows);
    else {
      const text = introduction(map, pair);
      blocks.push(
        [`### ${keyOf(pair)}`, ...(text === '' ? [] : [text]), `${head}\n${rows.join('\n')}`].join('\n\n'),
      );
    }
  }
  return [`### Of the whole\n\n${head}\n${general.join('\n')}`, ...blocks].join('\n\n');
}

/** The chart's README with its tables made anew; what stands around them is written by hand. */
export function readmeWithValues(readme: string, valuesYaml: string): string {
  const [before, rest] = readme.split(START);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`the README has no place for values: ${START}`);
  return `${before}${START}\n${tables(valuesYaml)}\n\n${END}${after}`;
}
