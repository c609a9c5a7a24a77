import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DOCUMENT = fileURLToPath(new URL('../../docs/redis.md', import.meta.url));

/** The rules of a user as docs/redis.md gives them, behind `ACL SETUSER <name>`; a test that passes proves the page. */
export function documentedRules(name: string): readonly string[] {
  const found = new RegExp(`^ACL SETUSER ${name} (.*)$`, 'm').exec(readFileSync(DOCUMENT, 'utf8'));
  if (found === null) throw new Error(`docs/redis.md has no rules for ${name}`);
  return (found[1] ?? '').split(' ');
}
