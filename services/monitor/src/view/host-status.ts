import {
  type HostState,
  type HostStatusView,
  type IntakeCounters,
  NO_COUNTS,
  parseAddress,
  type QueueCounters,
  queueTotals,
  TDC_QUEUE,
} from '@tdc/core';
import type { ViewPorts } from '../ports.ts';
import { readDestinations } from './destinations-reading.ts';
import { isWholeDown } from './top-hosts.ts';

/** `hoststatus` of the queue's name, an intake's alias or its mail domain; undefined: no record of the host. */
export async function hostStatus(ports: ViewPorts, host: string): Promise<HostStatusView | undefined> {
  const { counters, intakes, aliases, hosts, connections, oldest } = await readDestinations(ports);
  const wanted = host.toLowerCase();
  const chosen = aliases.filter((alias) => {
    const settings = intakes[alias];
    const names =
      settings === undefined ? [] : [parseAddress(settings.address).domain, settings.host?.toLowerCase()];
    return wanted === TDC_QUEUE || alias === wanted || names.includes(wanted);
  });
  if (chosen.length === 0 && wanted !== TDC_QUEUE) return undefined;
  const states = chosen.flatMap((alias) => hosts[alias] ?? []);
  const times = chosen.flatMap((alias) => oldest[alias] ?? []);
  return {
    asOf: ports.now(),
    host,
    state: merged(states),
    ...figures(totalsOf(counters, chosen)),
    currentConnections: chosen.reduce((sum, alias) => sum + (connections[alias] ?? 0), 0),
    pendingConnections: 0,
    oldestMessageAt: times.length === 0 ? 0 : Math.min(...times),
  };
}

function totalsOf(counters: QueueCounters, aliases: readonly string[]): IntakeCounters {
  const intakes = Object.fromEntries(aliases.map((alias) => [alias, counters.intakes[alias] ?? NO_COUNTS]));
  return queueTotals({ ...counters, intakes });
}

/** Several hosts as one, with the newest of what was seen. */
function merged(states: readonly HostState[]): HostState {
  const byActivity = states.toSorted((a, b) => b.lastActivityAt - a.lastActivityAt);
  const mxRecords = states.flatMap((state) => state.mxRecords);
  return {
    up: !isWholeDown(states),
    lastActivityAt: byActivity[0]?.lastActivityAt ?? 0,
    last5xx: byActivity.find(({ last5xx }) => last5xx !== '')?.last5xx ?? '',
    // Intakes of one domain share its MX records.
    mxRecords: [...new Map(mxRecords.map((mx) => [`${mx.priority} ${mx.exchange}`, mx])).values()],
    addresses: [...new Set(states.flatMap(({ addresses }) => addresses))],
  };
}

function figures(counters: IntakeCounters) {
  const { hardBounced: hard, delivered, deleted, unattempted, attempted } = counters;
  const named = {
    dns: hard.dns ?? 0,
    fiveXx: hard['5xx'] ?? 0,
    filter: hard.unconveyable ?? 0,
    expired: hard.expired ?? 0,
  };
  const other =
    (hard['4xx'] ?? 0) + (hard.tls ?? 0) + (hard.network ?? 0) + (hard.uncertain ?? 0) + (hard.spool ?? 0);
  const softBouncedEvents = Object.values(counters.softBounced).reduce((sum, one) => sum + one, 0);
  return { hardBounced: { ...named, other }, softBouncedEvents, delivered, deleted, unattempted, attempted };
}
