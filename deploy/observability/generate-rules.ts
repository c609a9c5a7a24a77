import { RULE_FILES } from './rules/rule-files.ts';
import { writeFiles } from './write-files.ts';

writeFiles(RULE_FILES);
