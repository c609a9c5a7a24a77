import { stringify } from 'yaml';
import { objective } from './objective.ts';
import { processAlerts } from './process-alerts.ts';
import { queueAlerts } from './queue-alerts.ts';
import { alerting, type RuleGroup } from './rule.ts';
import type { RuleSettings } from './settings.ts';

/** Every recording rule and alert. */
export const ruleGroups = (settings: RuleSettings): readonly RuleGroup[] => [
  ...objective(settings),
  { name: 'tdc-queue', rules: queueAlerts(settings).map((text) => alerting(settings, text)) },
  { name: 'tdc-processes', rules: processAlerts(settings).map((text) => alerting(settings, text)) },
];

const HEADER = '# Made by npm run gen:rules; edits are lost.\n';

/** A rule file of Prometheus. */
export const ruleFile = (settings: RuleSettings): string =>
  HEADER + stringify({ groups: ruleGroups(settings) }, { lineWidth: 0 });
