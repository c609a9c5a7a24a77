import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type ConnectorSetting,
  connectorColumn,
  type ResolvedIntake,
  resolveIntake,
} from './intake-setting.ts';
import { parsePolicyDocument } from './policy-document/parse.ts';
import type { PolicyDocument } from './policy-document/types.ts';

function documentWith(change: Readonly<Record<string, unknown>>): PolicyDocument {
  const parsed = parsePolicyDocument({
    version: 1,
    intakes: { primary: { address: 'p@scan.example' }, second: { address: 's@scan.example' } },
    defaultIntake: 'primary',
    ...change,
  });
  assert.equal(parsed.kind, 'valid');
  return parsed.document;
}

const NO_SCAN: ConnectorSetting = { kind: 'no-scan' };
const DEFAULT: ConnectorSetting = { kind: 'default' };
const CUSTOM: ConnectorSetting = { kind: 'custom', intake: 'second' };
const INHERIT: ConnectorSetting = { kind: 'inherit' };

describe('where copies under a connector setting go', () => {
  const standard = documentWith({});
  const off = documentWith({ connector: 'disabled' });
  const noDefault = documentWith({ defaultIntake: undefined });
  const defaultIsNoScan = documentWith({ default: { connector: 'no-scan' } });
  const defaultIsCustom = documentWith({ default: { connector: { custom: 'second' } } });

  const cases: readonly [
    name: string,
    document: PolicyDocument,
    setting: ConnectorSetting,
    result: string,
    column: string,
  ][] = [
    ['Default message intake address', standard, DEFAULT, 'primary', 'Enabled'],
    ['Custom message intake address', standard, CUSTOM, 'second', 'Enabled'],
    ['No Scan', standard, NO_SCAN, 'no-scan', 'Disabled'],
    ['inherited: default', standard, INHERIT, 'primary', '(use default)'],
    ['inherited: custom', defaultIsCustom, INHERIT, 'second', '(use default)'],
    ['inherited: No Scan', defaultIsNoScan, INHERIT, 'no-scan', '(use default)'],
    ['a policy of its own beside a default of No Scan', defaultIsNoScan, DEFAULT, 'primary', 'Enabled'],
    ['no default intake', noDefault, DEFAULT, 'no-intake-address', 'Disabled'],
    ['no default intake, inherited', noDefault, INHERIT, 'no-intake-address', '(use default)'],
    ['no default intake, custom', noDefault, CUSTOM, 'second', 'Enabled'],
    ['the connector is off', off, DEFAULT, 'disabled', 'Disabled'],
    ['the connector is off, custom', off, CUSTOM, 'disabled', 'Disabled'],
    ['the connector is off, No Scan', off, NO_SCAN, 'disabled', 'Disabled'],
  ];

  const shown = (resolved: ResolvedIntake): string =>
    resolved.kind === 'intake' ? resolved.intake.alias : resolved.reason;
  for (const [name, document, setting, result, column] of cases) {
    it(`${name}: ${result}, shown as ${column}`, () => {
      assert.equal(shown(resolveIntake(document, setting)), result);
      assert.equal(connectorColumn(document, setting), column);
    });
  }

  it('an alias is looked for among the intakes alone', () => {
    const setting: ConnectorSetting = { kind: 'custom', intake: 'constructor' };
    assert.equal(shown(resolveIntake(standard, setting)), 'no-intake-address');
  });
});
