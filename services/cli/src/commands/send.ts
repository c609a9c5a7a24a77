import { readFile } from 'node:fs/promises';
import { isMailAddress, quoteForLog } from '@tdc/core';
import { type Command, type CommandInput, flagOption, listOption, textOption, usage } from '../command.ts';
import { addressHelp, addressOf, addressOptions, INTAKE, MONITOR } from '../connect.ts';
import { type Followed, followCopies, queuedMids } from '../follow-copies.ts';
import { EXIT, failed, json, type Outcome, succeeded } from '../outcome.ts';
import { type SendResult, submit } from '../smtp-client.ts';
import { testMessage } from '../test-message.ts';
import { trackingLine } from '../tracked-copy.ts';

const DEFAULT_SENDER = 'sender@example.org';
const DEFAULT_RECIPIENT = 'joe@example.com';
const WAIT_SECONDS = 180;

async function messageFor(
  input: CommandInput,
  sender: string,
  recipients: readonly string[],
): Promise<Buffer | Outcome> {
  const path = textOption(input, 'file');
  if (path === undefined) {
    const subject = textOption(input, 'subject') ?? 'tdc test message';
    return testMessage({ sender, recipients, subject, from: 'send' });
  }
  try {
    return await readFile(path);
  } catch (error) {
    return failed(EXIT.noInput, `${path} cannot be read: ${(error as Error).message}`);
  }
}

/** `tdc send`: a test message through intake. */
export const send: Command = {
  name: 'send',
  summary: 'send a test message through intake',
  options: {
    from: { type: 'string' },
    to: { type: 'string', multiple: true },
    subject: { type: 'string' },
    file: { type: 'string' },
    wait: { type: 'boolean' },
    timeout: { type: 'string' },
    server: { type: 'string' },
    ...addressOptions(MONITOR),
  },
  help: `Usage: tdc send [--from ADDRESS] [--to ADDRESS]… [--file MESSAGE] [--wait] [--json]

Sends one message to intake over SMTP, under TLS where it is offered (the certificate
is not verified), and prints the reply with the MIDs of its copies.

  --from ADDRESS          envelope sender (default ${DEFAULT_SENDER}); <> is the null sender
  --to ADDRESS            envelope recipient (default ${DEFAULT_RECIPIENT}); several times for several
  --subject TEXT          subject of the generated message
  --file FILE             send this message in place of a generated one
  --wait                  follow the copies until each has an outcome
  --timeout SECONDS       how long to wait for that (default ${WAIT_SECONDS})
  --json                  one JSON object
${addressHelp(INTAKE)}
${addressHelp(MONITOR)}

Exit status: 0 accepted, and with --wait every copy delivered; 1 refused, or a copy
failed; 66 the file cannot be read; 69 intake or the monitor does not answer; 75 a copy
had no outcome in time.

Examples:
  tdc send --from bill@lawfirm.com --to jim@example.com --wait
  tdc send --to joe@example.com --to ann@example.com --file message.eml
`,
  async run(input) {
    const sender = (textOption(input, 'from') ?? DEFAULT_SENDER).replace(/^<(.*)>$/, '$1');
    const given = listOption(input, 'to');
    const recipients = given.length === 0 ? [DEFAULT_RECIPIENT] : given;
    const bad = [...recipients, ...(sender === '' ? [] : [sender])].find(
      (address) => !isMailAddress(address),
    );
    if (bad !== undefined) return usage(send, `'${bad}' is no mail address`);
    const seconds = Number(textOption(input, 'timeout') ?? WAIT_SECONDS);
    if (!(seconds >= 0)) return usage(send, '--timeout must be a number of seconds');
    const server = addressOf(INTAKE, input);
    if ('exitCode' in server) return server;
    const message = await messageFor(input, sender, recipients);
    if ('exitCode' in message) return message;
    const result = await submit({ server, sender, recipients, message });
    if (result.kind === 'unreachable') {
      return failed(
        EXIT.unavailable,
        `intake does not answer at ${server.host}:${server.port} (--server, ${INTAKE.variable}): ${result.reason}`,
      );
    }
    const { reply } = result;
    const mids = result.kind === 'accepted' ? queuedMids(reply) : [];
    const followed = flagOption(input, 'wait') ? await followCopies(input, mids, seconds) : { copies: [] };
    return report(input, { ...followed, result, mids });
  },
};

interface Report extends Followed {
  readonly result: Exclude<SendResult, { readonly kind: 'unreachable' }>;
  readonly mids: readonly number[];
}

function report(input: CommandInput, { result, mids, copies, failure }: Report): Outcome {
  const accepted = result.kind === 'accepted';
  const good = accepted && copies.every(({ state }) => state === 'delivered');
  const exitCode = failure?.exitCode ?? (good ? EXIT.ok : EXIT.negative);
  const err = failure?.err ?? '';
  if (flagOption(input, 'json')) {
    const tls = accepted && result.tls;
    return { exitCode, out: `${json({ accepted, tls, reply: result.reply, mids, copies })}\n`, err };
  }
  const reply = result.reply.split(/\r?\n/).map(quoteForLog);
  const lines = [...reply, ...copies.map(trackingLine)].join('\n');
  return accepted ? { ...succeeded(lines), exitCode, err } : failed(exitCode, `refused: ${lines}`);
}
