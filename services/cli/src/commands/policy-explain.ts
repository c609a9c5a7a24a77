import { readFile } from 'node:fs/promises';
import type { policyV1 } from '@tdc/proto';
import { type Command, flagOption, listOption, textOption, usage } from '../command.ts';
import { addressHelp, askPolicy, POLICY } from '../connect.ts';
import { EXIT, failed, json, succeeded } from '../outcome.ts';

function render(answer: policyV1.ExplainResponse): string {
  const lines = [
    `Revision   ${answer.revision}`,
    `Direction  ${answer.direction}: ${answer.directionReason}`,
    `Verdict    ${answer.verdict}: ${answer.verdictReason}`,
  ];
  for (const part of answer.splinters) {
    lines.push('', `To         ${part.recipients.map((recipient) => `<${recipient}>`).join(' ')}`);
    lines.push(`Policy     ${part.policy === '' ? '-' : part.policy}: ${part.matchReason}`);
    lines.push(
      part.action === 'enqueue'
        ? `Copy       to intake ${part.intake} <${part.intakeAddress}>, format ${part.format}`
        : `No copy    ${part.skipReason}`,
    );
  }
  return lines.join('\n');
}

/** `tdc policy explain`: which policy, verdict and intake apply, and why. */
export const policyExplain: Command = {
  name: 'policy explain',
  summary: 'which policy, verdict and intake apply to a message, and why',
  options: {
    from: { type: 'string' },
    to: { type: 'string', multiple: true },
    client: { type: 'string' },
    'header-file': { type: 'string' },
    untrusted: { type: 'boolean' },
    authenticated: { type: 'boolean' },
    policy: { type: 'string' },
  },
  help: `Usage: tdc policy explain --from ADDRESS --to ADDRESS [--to ADDRESS]… [options]

Asks the policy service what would become of a message with this envelope and header.

  --from ADDRESS          envelope sender; '' or <> is the null sender
  --to ADDRESS            envelope recipient; several times for several
  --header-file FILE      a message or its header section
  --client ADDRESS        IP address of the client
  --authenticated         the client was authenticated at the gateway
  --untrusted             the header comes from a peer that is not trusted
  --json                  one JSON object
${addressHelp(POLICY)}

Example:
  tdc policy explain --from bill@lawfirm.com --to jim@example.com --to jane@newdomain.com
`,
  async run(input) {
    const recipients = listOption(input, 'to');
    if (recipients.length === 0) return usage(policyExplain, '--to is missing');
    const path = textOption(input, 'header-file');
    let headers: Buffer = Buffer.alloc(0);
    if (path !== undefined) {
      try {
        headers = await readFile(path);
      } catch (error) {
        return failed(EXIT.noInput, `${path} cannot be read: ${(error as Error).message}`);
      }
    }
    const request: policyV1.ExplainRequest = {
      sender: (textOption(input, 'from') ?? '').replace(/^<(.*)>$/, '$1'),
      recipients: [...recipients],
      clientAddress: textOption(input, 'client') ?? '',
      headers,
      trusted: !flagOption(input, 'untrusted'),
      authenticated: flagOption(input, 'authenticated'),
    };
    const answer = await askPolicy(input, (client) => ({ method: client.explain.bind(client), request }));
    if ('exitCode' in answer) return answer;
    return succeeded(flagOption(input, 'json') ? json(answer.value) : render(answer.value));
  },
};
