import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { formatMessageDate, headerField, isMailAddress } from '@tdc/core';
import type { monitorV1 } from '@tdc/proto';
import { type Command, type CommandInput, flagOption, listOption, textOption, usage } from '../command.ts';
import { addressHelp, addressOf, askMonitor, INTAKE, MONITOR } from '../connect.ts';
import { EXIT, failed, json, type Outcome, succeeded } from '../outcome.ts';
import { submit } from '../smtp-client.ts';
import { isFinished, trackingLine } from '../tracked-copy.ts';

const DEFAULT_SENDER = 'sender@example.org';
const DEFAULT_RECIPIENT = 'joe@example.com';
const POLL_MS = 200;
const WAIT_SECONDS = 180;

function testMessage(sender: string, recipients: readonly string[], subject: string): Buffer {
  const now = Date.now();
  const text =
    `Date: ${formatMessageDate(now)}\r\n` +
    headerField('From', `<${sender}>`) +
    headerField('To', recipients.map((one) => `<${one}>`).join(', ')) +
    headerField('Subject', subject) +
    `Message-ID: <${now.toString(36)}.${randomBytes(6).toString('hex')}@tdc-send.localdomain>\r\n` +
    'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n' +
    'A test message of tdc send.\r\n';
  return Buffer.from(text);
}

/** The MIDs that the reply names. */
export const midsIn = (reply: string): readonly number[] =>
  [...(/\bMID (\d+(?:, \d+)*)/.exec(reply)?.[1]?.matchAll(/\d+/g) ?? [])].map(([mid]) => Number(mid));

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Follows the copies until each has an outcome, or time is up. */
async function follow(
  input: CommandInput,
  mids: readonly number[],
): Promise<readonly monitorV1.TrackedCopy[] | Outcome> {
  const deadline = Date.now() + WAIT_SECONDS * 1000;
  const copies: monitorV1.TrackedCopy[] = [];
  for (const mid of mids) {
    for (;;) {
      const request = { query: { $case: 'mid', value: mid } } as const;
      const answer = await askMonitor(input, (client) => ({ method: client.track.bind(client), request }));
      if ('exitCode' in answer) return answer;
      const copy = answer.value.copies[0];
      if (copy !== undefined && (isFinished(copy) || Date.now() > deadline)) {
        copies.push(copy);
        break;
      }
      if (Date.now() > deadline)
        return failed(EXIT.temporary, `MID ${mid} has no outcome after ${WAIT_SECONDS} s`);
      await pause(POLL_MS);
    }
  }
  return copies;
}

async function messageFor(
  input: CommandInput,
  sender: string,
  recipients: readonly string[],
): Promise<Buffer | Outcome> {
  const path = textOption(input, 'file');
  if (path === undefined)
    return testMessage(sender, recipients, textOption(input, 'subject') ?? 'tdc test message');
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
    server: { type: 'string' },
    monitor: { type: 'string' },
  },
  help: `Usage: tdc send [--from ADDRESS] [--to ADDRESS]… [--file MESSAGE] [--wait] [--json]

Sends one message to intake over SMTP, under TLS where it is offered, and prints the
reply with the MIDs of its copies. Exit status 1 when the message is refused, or,
with --wait, when a copy is not delivered.

  --from ADDRESS          envelope sender (default ${DEFAULT_SENDER}); <> is the null sender
  --to ADDRESS            envelope recipient (default ${DEFAULT_RECIPIENT}); several times for several
  --subject TEXT          subject of the generated message
  --file FILE             send this message in place of a generated one
  --wait                  follow the copies until each has an outcome
  --json                  one JSON object
${addressHelp(INTAKE)}
${addressHelp(MONITOR)}

Example:
  tdc send --from bill@lawfirm.com --to jim@example.com --wait
`,
  async run(input) {
    const sender = (textOption(input, 'from') ?? DEFAULT_SENDER).replace(/^<(.*)>$/, '$1');
    const given = listOption(input, 'to');
    const recipients = given.length === 0 ? [DEFAULT_RECIPIENT] : given;
    const bad = [...recipients, ...(sender === '' ? [] : [sender])].find(
      (address) => !isMailAddress(address),
    );
    if (bad !== undefined) return usage(send, `'${bad}' is no mail address`);
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
    const mids = result.kind === 'accepted' ? midsIn(result.reply) : [];
    const copies = flagOption(input, 'wait') ? await follow(input, isQueued(result.reply) ? mids : []) : [];
    if ('exitCode' in copies) return copies;
    return report(input, { accepted: result.kind === 'accepted', reply: result.reply, mids, copies });
  },
};

const isQueued = (reply: string): boolean => /\bqueued as MID\b/.test(reply);

interface Report {
  readonly accepted: boolean;
  readonly reply: string;
  readonly mids: readonly number[];
  readonly copies: readonly monitorV1.TrackedCopy[];
}

function report(input: CommandInput, { accepted, reply, mids, copies }: Report): Outcome {
  const good = accepted && copies.every(({ state }) => state === 'delivered');
  const exitCode = good ? EXIT.ok : EXIT.negative;
  if (flagOption(input, 'json'))
    return { exitCode, out: `${json({ accepted, reply, mids, copies })}\n`, err: '' };
  const lines = [reply, ...copies.map(trackingLine)].join('\n');
  return accepted ? { ...succeeded(lines), exitCode } : failed(exitCode, lines);
}
