import { renderHostStatus, TDC_QUEUE } from '@tdc/core';
import type { monitorV1 } from '@tdc/proto';
import { type Command, flagOption, usage } from '../command.ts';
import { addressHelp, askMonitor, MONITOR } from '../connect.ts';
import { json, succeeded } from '../outcome.ts';

const render = (host: monitorV1.HostStatusResponse): string =>
  renderHostStatus({
    asOf: host.statusAsOfMs,
    host: host.host,
    state: {
      up: host.up,
      lastActivityAt: host.lastActivityMs,
      last5xx: host.last5xxError,
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
  options: { monitor: { type: 'string' } },
  help: `Usage: tdc hoststatus HOST [--json]

HOST is ${TDC_QUEUE} (the whole queue), the alias of an intake, or its mail domain.
Exit status 1 when there is no record of the host.

  --json                  one JSON object
${addressHelp(MONITOR)}

Example:
  tdc hoststatus ${TDC_QUEUE}
`,
  async run(input) {
    const [host, ...rest] = input.positionals;
    if (host === undefined || rest.length > 0) return usage(hoststatus, 'which host?');
    const answer = await askMonitor(input, (client) => ({
      method: client.hostStatus.bind(client),
      request: { host },
    }));
    if ('exitCode' in answer) return answer;
    return succeeded(flagOption(input, 'json') ? json(answer.value) : render(answer.value));
  },
};
