import { existsSync, globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Real messages, some malformed on purpose, from a folder of `.eml` files: TDC_CORPUS, or `../shared/corpus` beside the
 * project. Where there is none the tests that want it say so and are skipped.
 */
const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');
export const CORPUS = process.env['TDC_CORPUS'] ?? join(ROOT, '../shared/corpus');

/** Every message of the corpus, as paths; none where there is no corpus. */
export const corpusFiles: readonly string[] = existsSync(CORPUS)
  ? globSync('**/*', { cwd: CORPUS, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'README.md')
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
  : [];

/** What a sender makes of a message before DATA: bare LF and CR become CRLF, and the last line is ended. */
export function asSent(octets: Buffer): Buffer {
  const text = octets.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n');
  return Buffer.from(text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1');
}
