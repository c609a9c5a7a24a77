import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair } from 'yaml';

const keyOf = ({ key }: Pair): string => String(isScalar(key) ? key.value : key);

/** A member by its key; the text of a file stands where the file's name was. */
function memberOf(pairs: readonly Pair[], key: string): Pair | undefined {
  return pairs.find((pair) => keyOf(pair) === key) ?? pairs.find((pair) => keyOf(pair) === `${key}File`);
}

/** One step down: where it stands in the text and what is there. */
function stepInto(node: Node, step: string | number): { readonly mark: unknown; readonly value: unknown } {
  if (isMap(node)) {
    const pair = memberOf(node.items, String(step));
    return { mark: pair?.key, value: pair?.value };
  }
  const item = isSeq(node) && typeof step === 'number' ? node.items[step] : undefined;
  return { mark: item, value: item };
}

/**
 * Where a path stands in the text, as an offset: at the key of a mapping or the item of a list. Where it does not stand,
 * the place of what should hold it.
 */
export function offsetOf(document: Document.Parsed, path: readonly (string | number)[]): number {
  let offset = document.contents?.range[0] ?? 0;
  let node: unknown = document.contents;
  for (const step of path) {
    const target: unknown = isAlias(node) ? node.resolve(document) : node;
    if (!isNode(target)) break;
    const { mark, value } = stepInto(target, step);
    if (!isNode(mark)) break;
    offset = mark.range?.[0] ?? offset;
    node = value;
  }
  return offset;
}
