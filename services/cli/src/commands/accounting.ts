import { withThousands } from '@tdc/core';
import { type Command, flagOption } from '../command.ts';
import { addressHelp, addressOptions, askMonitor, MONITOR } from '../connect.ts';
import { EXIT, json } from '../outcome.ts';

/** `tdc accounting`: whether every message seen is accounted for. */
export const accounting: Command = {
  name: 'accounting',
  summary: 'whether every message seen is accounted for',
  options: addressOptions(MONITOR),
  help: `Usage: tdc accounting [--json]

Shows both laws of the account:
  seen     = enqueued + skipped
  enqueued = delivered + hard bounced + deleted + active

  --json                  one JSON object
${addressHelp(MONITOR)}

Exit status: 0 it balances, 1 it does not, 69 the monitor does not answer.

Example:
  tdc accounting --json
`,
  async run(input) {
    const answer = await askMonitor(input, (client) => ({
      method: client.accounting.bind(client),
      request: {},
    }));
    if ('exitCode' in answer) return answer;
    const { seen, enqueued, skipped, delivered, hardBounced, deleted, active, difference } = answer.value;
    const rows: readonly (readonly [string, number])[] = [
      ['seen', seen],
      ['  enqueued', enqueued],
      ['    delivered', delivered],
      ['    hard bounced', hardBounced],
      ['    deleted', deleted],
      ['    active', active],
      ['  skipped', skipped],
      ['difference', difference],
    ];
    const table = rows
      .map(([name, value]) => `${name.padEnd(20)}${withThousands(value).padStart(14)}\n`)
      .join('');
    const out = flagOption(input, 'json') ? `${json(answer.value)}\n` : table;
    return { exitCode: difference === 0 ? EXIT.ok : EXIT.negative, out, err: '' };
  },
};
