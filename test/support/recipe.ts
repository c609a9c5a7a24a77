import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');

/** The files that a document tells its reader to write, by the name in the comment above each block of code. */
export function recipeFiles(document: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(ROOT, 'docs', document), 'utf8');
  const blocks = text.matchAll(/<!-- file: (\S+) -->\n```\w*\n([\s\S]*?)```/g);
  return new Map([...blocks].map(([, name = '', content = '']) => [name, content]));
}

/** One of them, with the reader's own values in place of the document's. */
export function recipeFile(
  files: ReadonlyMap<string, string>,
  name: string,
  values: readonly (readonly [from: string, to: string])[],
): string {
  const content = files.get(name);
  if (content === undefined) throw new Error(`the document has no file ${name}`);
  return values.reduce((text, [from, to]) => text.replaceAll(from, to), content);
}
