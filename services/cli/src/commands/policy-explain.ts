import { readFile } from 'node:fs/promises';
import { isMailAddress, parseHeaderFields, parseIpAddress, quoteForLog } from '@tdc/core';
import type { policyV1 } from '@tdc/proto';
import { type Command, type CommandInput, flagOption, listOption, textOption, usage } from '../command.ts';
import { addressHelp, addressOptions, askPolicy, POLICY } from '../connect.ts';
import { EXIT, failed, json, type Outcome, succeeded } from '../outcome.ts';

function render(answer: policyV1.ExplainResponse): string {
  const lines = [
    `Revision   ${answer.revision}`,
    `Direction  ${answer.direction}: ${answer.directionReason}`,
    `Verdict    ${answer.verdict}: ${quoteForLog(answer.verdictReason)}`,
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

/** The header section of the file that was named; a message's body stays here. */
async function readHeaders(input: CommandInput): Promise<Buffer | Outcome> {
  const path = textOption(input, 'header-file');
  if (path === undefined) return Buffer.alloc(0);
  try {
    const octets = await readFile(path);
    return octets.subarray(0, parseHeaderFields(octets).bodyOffset);
  } catch (error) {
    return failed(EXIT.noInput, `${path} cannot be read: ${(error as Error).message}`);
  }
}

/** The envelope that was given, or what is wrong with it. */
function envelopeOf(input: CommandInput): { sender: string; recipients: string[]; client: string } | Outcome {
  const from = textOption(input, 'from');
  const recipients = [...listOption(input, 'to')];
  const client = textOption(input, 'client') ?? '';
  if (from === undefined) return usage(policyExplain, "--from is missing; '<>' is the null sender");
  if (recipients.length === 0) return usage(policyExplain, '--to is missing');
  const sender = from.replace(/^<(.*)>$/, '$1');
  const addresses = sender === '' ? recipients : [sender, ...recipients];
  const bad = addresses.find((address) => !isMailAddress(address));
  if (bad !== undefined) return usage(policyExplain, `'${bad}' is no mail address`);
  if (client !== '' && parseIpAddress(client) === undefined)
    return usage(policyExplain, `--client is '${client}': it must be an IP address`);
  return { sender, recipients, client };
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
    ...addressOptions(POLICY),
  },
  help: `Usage: tdc policy explain --from ADDRESS --to ADDRESS [--to ADDRESS]… [options]

Asks the policy service what would become of a message with this envelope and header.

  --from ADDRESS          envelope sender; '<>' is the null sender
  --to ADDRESS            envelope recipient; several times for several
  --header-file FILE      a message or its header section
  --client ADDRESS        IP address of the client
  --authenticated         the client was authenticated at the gateway
  --untrusted             the header comes from a peer that is not trusted
  --json                  one JSON object
${addressHelp(POLICY)}

Exit status: 0 done, 66 the file cannot be read, 69 the policy service does not
answer or has no document.

Examples:
  tdc policy explain --from bill@lawfirm.com --to jim@example.com --to jane@newdomain.com
  tdc policy explain --from '<>' --to jim@example.com --header-file message.eml
`,
  async run(input) {
    const envelope = envelopeOf(input);
    if ('exitCode' in envelope) return envelope;
    const headers = await readHeaders(input);
    if ('exitCode' in headers) return headers;
    const request: policyV1.ExplainRequest = {
      sender: envelope.sender,
      recipients: envelope.recipients,
      clientAddress: envelope.client,
      headers,
      trusted: !flagOption(input, 'untrusted'),
      authenticated: flagOption(input, 'authenticated'),
    };
    const answer = await askPolicy(input, (client) => ({ method: client.explain.bind(client), request }));
    if ('exitCode' in answer) return answer;
    return succeeded(flagOption(input, 'json') ? json(answer.value) : render(answer.value));
  },
};
