import {
  activeRecipients,
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

/** Aliases of the policy in force and of everything that was ever enqueued. */
export function allAliases(counted: readonly string[], inForce: readonly string[]): readonly string[] {
  return [...new Set([...inForce, ...counted])].sort();
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

/** The rows of `tophosts`: the queue, then each intake (spec §8). The queue is down when every intake in use is. */
export async function topHosts(ports: ViewPorts): Promise<readonly TopHostsRow[]> {
  const counters = await ports.ledger.counters();
  const intakes = ports.intakes();
  const aliases = allAliases(Object.keys(counters.intakes), Object.keys(intakes));
  const hosts = await ports.hosts(aliases);
  const open = await Promise.all(aliases.map((alias) => ports.connections(alias)));
  const rows = aliases.map((intake, index) => {
    const settings = intakes[intake];
    const host =
      settings === undefined ? 'removed' : (settings.host ?? parseAddress(settings.address).domain);
    const down = hosts[intake]?.up === false;
    return row(
      { host, intake, down, connectionsOut: open[index] ?? 0 },
      counters.intakes[intake] ?? NO_COUNTS,
    );
  });
  const used = rows.filter(({ intake }) => (hosts[intake]?.lastActivityAt ?? 0) > 0);
  const whole = {
    host: TDC_QUEUE,
    intake: '',
    down: used.length > 0 && used.every(({ down }) => down),
    connectionsOut: open.reduce((sum, one) => sum + one, 0),
  };
  return [row(whole, queueTotals(counters)), ...rows];
}
