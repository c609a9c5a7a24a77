import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const SKIPPED = new Set(['node_modules', '.git', '.tdc', 'gen']);

/** Paths, relative to the root, of the files below `folder` whose name ends with `suffix`. */
export function filesBelow(folder: string, suffix: string): string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (SKIPPED.has(entry.name)) continue;
      const child = join(path, entry.name);
      if (entry.isDirectory()) walk(child);
      else if (entry.name.endsWith(suffix)) found.push(relative(ROOT, child).split(sep).join('/'));
    }
  };
  walk(join(ROOT, folder));
  return found.sort();
}

export const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

export const isTest = (file: string): boolean => /\.(test|e2e|slow)\.ts$/.test(file);

export interface Import {
  readonly specifier: string;
  /** Erased by the compiler: `import type`, `export type … from`. */
  readonly typeOnly: boolean;
}

const IMPORT = /^\s*(?:import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** Every module that a file names in an import or a re-export. */
export function importsOf(file: string): Import[] {
  const text = textOf(file);
  const imports: Import[] = [];
  for (const [, type, specifier] of text.matchAll(IMPORT)) {
    if (specifier !== undefined) imports.push({ specifier, typeOnly: type !== undefined });
  }
  for (const [, specifier] of text.matchAll(DYNAMIC_IMPORT)) {
    if (specifier !== undefined) imports.push({ specifier, typeOnly: false });
  }
  return imports;
}

/** The file, relative to the root, that a relative specifier in `file` leads to. */
export function resolveRelative(file: string, specifier: string): string {
  return relative(ROOT, resolve(ROOT, dirname(file), specifier))
    .split(sep)
    .join('/');
}
