export { DASHBOARD_FILES } from './dashboards/dashboard-files.ts';
export { DEFERRALS } from './rules/process-alerts.ts';
export type { AlertingRule, RecordingRule, RuleGroup } from './rules/rule.ts';
export { ruleFile, ruleGroups } from './rules/rule-file.ts';
export { RULE_FILES } from './rules/rule-files.ts';
export type { RuleSettings } from './rules/settings.ts';
export { DEFAULT_SETTINGS, THRESHOLDS } from './rules/settings.ts';
