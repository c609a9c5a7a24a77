import { quoteForLog, renderHostStatus, TDC_QUEUE } from '@tdc/core';
import type { monitorV1 } from '@tdc/proto';
import { type Command, flagOption, usage } from '../command.ts';
import { addressHelp, addressOptions, askMonitor, MONITOR } from '../connect.ts';
import { json, succeeded } from '../outcome.ts';

const render = (host: monitorV1.HostStatusResponse): string =>
  renderHostStatus({
    asOf: host.statusAsOfMs,
    host: host.host,
    state: {
      up: host.up,
      lastActivityAt: host.lastActivityMs,
      last5xx: quoteForLog(host.last5xxError),
      mxRecords: host.mxRecords,
      addresses: host.addresses,
    },
    softBouncedEvents: host.softBouncedEvents,
    hardBounced: {
      dns: host.dnsHardBounces,
      fiveXx: host.fiveXxHardBounces,
      filter: host.filterHardBounces,
      expired: host.expiredHardBounces,
      other: host.otherHardBounces,
    },
    delivered: host.deliveredRecipients,
    deleted: host.deletedRecipients,
    unattempted: host.unattemptedRecipients,
    attempted: host.attemptedRecipients,
    currentConnections: host.currentConnections,
    pendingConnections: host.pendingConnections,
    oldestMessageAt: host.oldestMessageMs,
  });

/** `tdc hoststatus`: everything known of one destination. */
export const hoststatus: Command = {
  name: 'hoststatus',
  summary: 'counters, gauges and what is known of one host',
  options: addressOptions(MONITOR),
  operands: 1,
  help: `Usage: tdc hoststatus HOST [--json]

HOST is ${TDC_QUEUE} (the whole queue), the alias of an intake, or its mail domain.

  --json                  one JSON object
${addressHelp(MONITOR)}

Exit status: 0 done, 1 no record of the host, 69 the monitor does not answer.

Examples:
  tdc hoststatus ${TDC_QUEUE}
  tdc hoststatus primary --json
`,
  async run(input) {
    const [host] = input.positionals;
    if (host === undefined || host === '') return usage(hoststatus, 'which host?');
    const answer = await askMonitor(input, (client) => ({
      method: client.hostStatus.bind(client),
      request: { host },
    }));
    if ('exitCode' in answer) return answer;
    return succeeded(flagOption(input, 'json') ? json(answer.value) : render(answer.value));
  },
};
