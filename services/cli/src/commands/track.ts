import type { monitorV1 } from '@tdc/proto';
import { type Command, type CommandInput, flagOption, usage } from '../command.ts';
import { addressHelp, addressOptions, askMonitor, MONITOR } from '../connect.ts';
import { EXIT, failed, json, type Outcome, succeeded } from '../outcome.ts';
import { trackingDetails, trackingLine } from '../tracked-copy.ts';

type Query = NonNullable<monitorV1.TrackRequest['query']>;

/** What the word may mean, the likeliest first: a MID, or a Message-ID, whose brackets the shell likes to eat. */
function queriesOf(text: string): readonly Query[] {
  if (/^\d{1,15}$/.test(text)) return [{ $case: 'mid', value: Number(text) }];
  const asGiven = { $case: 'messageId', value: text } as const;
  return text.startsWith('<') ? [asGiven] : [asGiven, { $case: 'messageId', value: `<${text}>` }];
}

async function find(
  input: CommandInput,
  text: string,
): Promise<{ readonly copies: readonly monitorV1.TrackedCopy[] } | Outcome> {
  for (const query of queriesOf(text)) {
    const request = { query };
    const answer = await askMonitor(input, (client) => ({ method: client.track.bind(client), request }));
    if ('exitCode' in answer) return answer;
    if (answer.value.copies.length > 0) return { copies: answer.value.copies };
  }
  return { copies: [] };
}

/** `tdc track`: what became of a copy. */
export const track: Command = {
  name: 'track',
  summary: 'what became of a copy, by MID or Message-ID',
  options: { verbose: { type: 'boolean', short: 'v' }, ...addressOptions(MONITOR) },
  operands: 1,
  help: `Usage: tdc track MID|MESSAGE-ID [--verbose] [--json]

Shows the tracking line of a copy, in local time. The MID is in the gateway-facing
reply and in every log line. A Message-ID is given as it stands in the header, with
or without its brackets; it may belong to several copies.

  -v, --verbose           envelope, policy, intake, attempts and last answer, too
  --json                  one JSON array of copies
${addressHelp(MONITOR)}

Exit status: 0 found, 1 no record of the message, 69 the monitor does not answer.

Examples:
  tdc track 17
  tdc track '<20261125.1@mail.example.com>' --verbose
`,
  async run(input) {
    const [text] = input.positionals;
    if (text === undefined || text === '') return usage(track, 'which MID or Message-ID?');
    const found = await find(input, text);
    if ('exitCode' in found) return found;
    const { copies } = found;
    if (flagOption(input, 'json'))
      return { ...succeeded(json(copies)), exitCode: copies.length > 0 ? EXIT.ok : EXIT.negative };
    if (copies.length === 0) return failed(EXIT.negative, `No record of message: ${text}`);
    const verbose = flagOption(input, 'verbose');
    const lines = copies.flatMap((copy) => [trackingLine(copy), ...(verbose ? trackingDetails(copy) : [])]);
    return succeeded(lines.join('\n'));
  },
};
