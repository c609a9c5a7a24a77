import {
  activeRecipients,
  type HostState,
  hardBouncedRecipients,
  type IntakeCounters,
  NO_COUNTS,
  parseAddress,
  queueTotals,
  softBouncedEvents,
  TDC_QUEUE,
  type TopHostsRow,
} from '@tdc/core';
import type { ViewPorts } from '../ports.ts';
import { readDestinations } from './destinations-reading.ts';

/** Whether several hosts count as down together: there are some in use, and each of those is down. */
export function isWholeDown(states: readonly HostState[]): boolean {
  const used = states.filter(({ lastActivityAt }) => lastActivityAt > 0);
  return used.length > 0 && used.every(({ up }) => !up);
}

function row(
  where: {
    readonly host: string;
    readonly intake: string;
    readonly down: boolean;
    readonly connectionsOut: number;
  },
  counters: IntakeCounters,
): TopHostsRow {
  return {
    ...where,
    activeRecipients: activeRecipients(counters),
    deliveredRecipients: counters.delivered,
    softBouncedEvents: softBouncedEvents(counters),
    hardBouncedRecipients: hardBouncedRecipients(counters),
  };
}

/** The rows of `tophosts`: the queue, then each intake (spec §8). */
export async function topHosts(ports: ViewPorts): Promise<readonly TopHostsRow[]> {
  const { counters, intakes, aliases, hosts, connections } = await readDestinations(ports);
  const rows = aliases.map((intake) => {
    const settings = intakes[intake];
    const host =
      settings === undefined ? 'removed' : (settings.host ?? parseAddress(settings.address).domain);
    const down = hosts[intake]?.up === false;
    return row(
      { host, intake, down, connectionsOut: connections[intake] ?? 0 },
      counters.intakes[intake] ?? NO_COUNTS,
    );
  });
  const whole = {
    host: TDC_QUEUE,
    intake: '',
    down: isWholeDown(Object.values(hosts)),
    connectionsOut: Object.values(connections).reduce((sum, one) => sum + one, 0),
  };
  return [row(whole, queueTotals(counters)), ...rows];
}
