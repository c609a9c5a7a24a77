import { mkdirSync, writeFileSync } from 'node:fs';
import { RULE_FILES } from './rules/rule-files.ts';

for (const [path, text] of Object.entries(RULE_FILES)) {
  mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true });
  writeFileSync(path, text);
}
