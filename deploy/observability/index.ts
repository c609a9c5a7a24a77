export { BAD_RATIO } from './rules/objective.ts';
export type { AlertingRule, RecordingRule, RuleGroup } from './rules/rule.ts';
export { ruleGroups } from './rules/rule-file.ts';
export { RULE_FILES } from './rules/rule-files.ts';
export { DEFAULT_SETTINGS, MARKED_SETTINGS, THRESHOLDS } from './rules/settings.ts';
