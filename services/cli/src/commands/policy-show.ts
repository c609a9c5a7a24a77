import { connectorColumn, DEFAULT_POLICY_NAME, type PolicyDocument, parsePolicyDocument } from '@tdc/core';
import { type Command, flagOption } from '../command.ts';
import { addressHelp, addressOptions, askPolicy, POLICY } from '../connect.ts';
import { describeRow } from '../describe-row.ts';
import { EXIT, failed, json, succeeded } from '../outcome.ts';
import { renderTable } from '../render-table.ts';

function renderDocument(document: PolicyDocument): string {
  const policies = document.policies.map((policy, index) => [
    String(index + 1),
    policy.name,
    policy.users.map(describeRow).join('; '),
    connectorColumn(document, policy.connector),
  ]);
  const fallback = [
    '',
    DEFAULT_POLICY_NAME,
    'everyone else',
    connectorColumn(document, document.defaultConnector),
  ];
  const intakes = Object.values(document.intakes).map((intake) => [
    `${intake.alias}${intake.alias === document.defaultIntake ? ' (default)' : ''}`,
    intake.address,
    intake.format,
    `${intake.host ?? 'MX'}:${intake.port}`,
    intake.tls.verify ? 'verified' : 'not verified',
  ]);
  return [
    renderTable(['#', 'Policy', 'Users', 'Threat Defense Connector'], [...policies, fallback]),
    '',
    renderTable(['Intake', 'Message intake address', 'Format', 'Host', 'TLS'], intakes),
  ].join('\n');
}

/** `tdc policy show`: the document in force. */
export const policyShow: Command = {
  name: 'policy show',
  summary: 'the policy table and the intakes in force',
  options: addressOptions(POLICY),
  help: `Usage: tdc policy show [--json]

Shows the revision in force: the incoming mail policies with the connector's column
(Enabled, Disabled, or (use default) when inherited), and the intakes. When a newer
document was refused, its problems are shown as well.

  --json                  {"revision": …, "sha256": …, "loadError": …, "document": …}
${addressHelp(POLICY)}

Exit status: 0 done, 69 the policy service does not answer or has no document.

Example:
  tdc policy show
`,
  async run(input) {
    const answer = await askPolicy(input, (client) => ({
      method: client.getSnapshot.bind(client),
      request: {},
    }));
    if ('exitCode' in answer) return answer;
    const { snapshot, loadError } = answer.value;
    if (snapshot === undefined) return failed(EXIT.unavailable, 'no policy is in force');
    const { revision, sha256, loadedAtMs } = snapshot;
    const value: unknown = JSON.parse(snapshot.documentJson);
    if (flagOption(input, 'json'))
      return succeeded(json({ revision, sha256, loadedAtMs, loadError, document: value }));
    const parsed = parsePolicyDocument(value);
    if (parsed.kind === 'invalid')
      return failed(EXIT.data, 'the document in force is of another version than this command');
    const head = `Revision ${revision}, loaded ${new Date(loadedAtMs).toISOString()}${parsed.document.enabled ? '' : ', connector disabled'}`;
    const refused = loadError === '' ? '' : `\nA newer document was refused:\n${loadError}\n`;
    return succeeded(`${head}\n\n${renderDocument(parsed.document)}${refused}`);
  },
};
