import { setTimeout as pause } from 'node:timers/promises';
import { isMailAddress, quoteForLog } from '@tdc/core';
import { type Command, type CommandInput, flagOption, textOption, usage } from '../command.ts';
import { addressHelp, addressOf, addressOptions, INTAKE, MONITOR } from '../connect.ts';
import { followCopies, queuedMids } from '../follow-copies.ts';
import { EXIT, failed, json, type Outcome, succeeded } from '../outcome.ts';
import { type SendResult, submit } from '../smtp-client.ts';
import { testMessage } from '../test-message.ts';
import { trackingDetails, trackingLine } from '../tracked-copy.ts';

const SENDER = 'selftest@tdc.invalid';
const RECIPIENT = 'canary@tdc.invalid';
const WAIT_SECONDS = 120;
const AGAIN_MS = 3000;

/** The message is on its way: intake's reply, which names its copies. */
interface Queued {
  readonly reply: string;
}

/** What keeps a message from being on its way to an intake, and whether that may pass by itself. */
interface Obstacle {
  readonly outcome: Outcome;
  readonly mayPass: boolean;
}

function judge(result: SendResult, recipient: string): Queued | Obstacle {
  const where = `--server, ${INTAKE.variable}`;
  const because = (exitCode: number, text: string, mayPass: boolean): Obstacle => ({
    outcome: failed(exitCode, text),
    mayPass,
  });
  if (result.kind === 'unreachable')
    return because(EXIT.unavailable, `intake does not answer (${where}): ${result.reason}`, true);
  const reply = quoteForLog(result.reply);
  if (result.kind === 'refused') {
    const text = `intake refuses the message at ${result.command}: ${reply}`;
    return because(EXIT.negative, text, result.reply.startsWith('4'));
  }
  if (!result.tls)
    return because(
      EXIT.negative,
      `intake offers no STARTTLS (${where}), or something on the way hides it`,
      false,
    );
  if (queuedMids(result.reply).length > 0) return { reply: result.reply };
  const text =
    `intake took the message, and no copy was due: no policy sends those of ${recipient} to an intake, the connector ` +
    `is disabled, or the message counts as outgoing mail (tdc policy explain --from ${SENDER} --to ${recipient}). ` +
    `It answered: ${reply}`;
  return because(EXIT.negative, text, true);
}

/** Sends the message, again and again while there is time: what was installed a moment ago may not know its policy yet. */
async function sendUntilQueued(
  input: CommandInput,
  recipient: string,
  deadline: number,
): Promise<Queued | Outcome> {
  const server = addressOf(INTAKE, input);
  if ('exitCode' in server) return server;
  for (;;) {
    const recipients = [recipient];
    const message = testMessage({ sender: SENDER, recipients, subject: 'tdc self-test', from: 'selftest' });
    const result = await submit({ server, sender: SENDER, recipients, message });
    const judged = judge(result, recipient);
    if ('reply' in judged) return judged;
    if (!judged.mayPass || Date.now() + AGAIN_MS > deadline) return judged.outcome;
    await pause(AGAIN_MS);
  }
}

/** `tdc selftest`: one message all the way, from intake to a message intake. */
export const selftest: Command = {
  name: 'selftest',
  summary: 'send a message and see its copy delivered',
  options: {
    to: { type: 'string' },
    timeout: { type: 'string' },
    server: { type: 'string' },
    ...addressOptions(MONITOR),
  },
  help: `Usage: tdc selftest [--to ADDRESS] [--timeout SECONDS] [--json]

Sends one message to intake under TLS, and follows its copies by tracking until they
are delivered. Until a copy is due it tries again: a new policy takes up to a minute.

  --to ADDRESS            recipient; a policy must send its copies to an intake
                          (default ${RECIPIENT})
  --timeout SECONDS       how long all of it may take (default ${WAIT_SECONDS})
  --json                  one JSON object
${addressHelp(INTAKE)}
${addressHelp(MONITOR)}

Exit status: 0 every copy delivered; 1 refused, not under TLS, no copy due, or a copy
failed; 69 intake or the monitor does not answer; 75 a copy had no outcome in time.

Example:
  tdc selftest --to canary@tdc.invalid --timeout 60
`,
  async run(input) {
    const recipient = textOption(input, 'to') ?? RECIPIENT;
    if (!isMailAddress(recipient)) return usage(selftest, `'${recipient}' is no mail address`);
    const seconds = Number(textOption(input, 'timeout') ?? WAIT_SECONDS);
    if (!(seconds >= 0)) return usage(selftest, '--timeout must be a number of seconds');
    const deadline = Date.now() + seconds * 1000;
    const sent = await sendUntilQueued(input, recipient, deadline);
    if ('exitCode' in sent) return sent;
    const mids = queuedMids(sent.reply);
    const left = Math.max(0, Math.ceil((deadline - Date.now()) / 1000));
    const { copies, failure } = await followCopies(input, mids, left);
    if (failure !== undefined) return failure;
    const lost = copies.filter(({ state }) => state !== 'delivered');
    const exitCode = lost.length === 0 ? EXIT.ok : EXIT.negative;
    if (flagOption(input, 'json'))
      return {
        exitCode,
        out: `${json({ delivered: lost.length === 0, mids, copies })}\n`,
        err: '',
      };
    if (lost.length > 0)
      return failed(
        exitCode,
        lost.flatMap((copy) => [trackingLine(copy), ...trackingDetails(copy)]).join('\n'),
      );
    return succeeded([quoteForLog(sent.reply), ...copies.map(trackingLine)].join('\n'));
  },
};
