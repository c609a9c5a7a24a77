import { ruleFile } from './rule-file.ts';
import { DEFAULT_SETTINGS, MARKED_SETTINGS } from './settings.ts';

/** The generated files, by their path in the repository. */
export const RULE_FILES: Readonly<Record<string, string>> = {
  /** To be loaded by a Prometheus as it is. */
  'charts/tdc/alerts/tdc.rules.yaml': ruleFile(DEFAULT_SETTINGS),
  /** What the chart puts its values into. */
  'charts/tdc/alerts/marked.rules.yaml': ruleFile(MARKED_SETTINGS),
};
