import type { monitorV1 } from '@tdc/proto';
import { type Command, flagOption, usage } from '../command.ts';
import { addressHelp, askMonitor, MONITOR } from '../connect.ts';
import { EXIT, failed, json, succeeded } from '../outcome.ts';
import { trackingDetails, trackingLine } from '../tracked-copy.ts';

const queryOf = (text: string): monitorV1.TrackRequest['query'] =>
  /^\d{1,15}$/.test(text) ? { $case: 'mid', value: Number(text) } : { $case: 'messageId', value: text };

/** `tdc track`: what became of a copy. */
export const track: Command = {
  name: 'track',
  summary: 'what became of a copy, by MID or Message-ID',
  options: { verbose: { type: 'boolean', short: 'v' }, monitor: { type: 'string' } },
  help: `Usage: tdc track MID|MESSAGE-ID [--verbose] [--json]

Shows the tracking line of a copy: the MID is in the gateway-facing reply and in
every log line. A Message-ID is given as it stands in the header, brackets
included; it may belong to several copies. Exit status 1 when none is known.

  -v, --verbose           envelope, policy, intake, attempts and last answer, too
  --json                  one JSON array
${addressHelp(MONITOR)}

Examples:
  tdc track 17
  tdc track '<20261125.1@mail.example.com>' --verbose
`,
  async run(input) {
    const [text, ...rest] = input.positionals;
    if (text === undefined || rest.length > 0) return usage(track, 'which MID or Message-ID?');
    const request = { query: queryOf(text) };
    const answer = await askMonitor(input, (client) => ({ method: client.track.bind(client), request }));
    if ('exitCode' in answer) return answer;
    const { copies } = answer.value;
    if (flagOption(input, 'json'))
      return { ...succeeded(json(copies)), exitCode: copies.length > 0 ? EXIT.ok : EXIT.negative };
    if (copies.length === 0) return failed(EXIT.negative, `No record of message: ${text}`);
    const verbose = flagOption(input, 'verbose');
    const lines = copies.flatMap((copy) => [trackingLine(copy), ...(verbose ? trackingDetails(copy) : [])]);
    return succeeded(lines.join('\n'));
  },
};
