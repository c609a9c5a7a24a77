import { renderTopHosts, sortTopHosts, TOP_HOSTS_COLUMNS, type TopHostsColumn } from '@tdc/core';
import { type Command, flagOption, textOption, usage } from '../command.ts';
import { addressHelp, addressOptions, askMonitor, MONITOR } from '../connect.ts';
import { json, succeeded } from '../outcome.ts';

const isColumn = (text: string): text is TopHostsColumn =>
  (TOP_HOSTS_COLUMNS as readonly string[]).includes(text);

/** `tdc tophosts`: the counters of the delivery queue. */
export const tophosts: Command = {
  name: 'tophosts',
  summary: 'counters of the delivery queue and of each intake',
  options: { sort: { type: 'string' }, intakes: { type: 'boolean' }, ...addressOptions(MONITOR) },
  help: `Usage: tdc tophosts [--intakes] [--sort COLUMN] [--json]

Shows active recipients, connections out, delivered recipients, soft bounced
events and hard bounced recipients of the.tdc.queue. '*' marks a host that was
down as of the last delivery attempt.

  --intakes               a row for each intake below the queue's own
  --sort COLUMN           ${TOP_HOSTS_COLUMNS.join(', ')}
  --json                  one JSON object
${addressHelp(MONITOR)}

Exit status: 0 done, 69 the monitor does not answer.

Examples:
  tdc tophosts
  tdc tophosts --intakes --sort active
`,
  async run(input) {
    const sort = textOption(input, 'sort');
    if (sort !== undefined && !isColumn(sort))
      return usage(tophosts, `--sort must be one of ${TOP_HOSTS_COLUMNS.join(', ')}`);
    const answer = await askMonitor(input, (client) => ({
      method: client.topHosts.bind(client),
      request: {},
    }));
    if ('exitCode' in answer) return answer;
    const { statusAsOfMs, rows } = answer.value;
    const shown = flagOption(input, 'intakes') ? rows : rows.slice(0, 1);
    const sorted = sort === undefined ? shown : sortTopHosts(shown, sort);
    if (flagOption(input, 'json')) return succeeded(json({ statusAsOfMs, rows: sorted }));
    return succeeded(renderTopHosts({ asOf: statusAsOfMs, rows: sorted }));
  },
};
