import type { HostState, Intake, QueueCounters } from '@tdc/core';
import type { ViewPorts } from '../ports.ts';

/** What every view shows a part of: the counters, and each destination that is or ever was in use. */
export interface DestinationsReading {
  readonly counters: QueueCounters;
  /** The intakes of the policy in force, by alias. */
  readonly intakes: Readonly<Record<string, Intake>>;
  /** Aliases of the policy in force and of everything that was ever enqueued, sorted. */
  readonly aliases: readonly string[];
  readonly hosts: Readonly<Record<string, HostState>>;
  /** Open connections of all workers, by alias. */
  readonly connections: Readonly<Record<string, number>>;
  /** When the oldest copy without an outcome was enqueued, by alias; ms since the epoch, none where there is no copy. */
  readonly oldest: Readonly<Record<string, number>>;
}

/** Reads all of it; rejects when Redis does not answer. */
export async function readDestinations(ports: ViewPorts): Promise<DestinationsReading> {
  const [counters, oldest] = await Promise.all([ports.ledger.counters(), ports.ledger.oldestActive()]);
  const intakes = ports.intakes();
  const aliases = [...new Set([...Object.keys(intakes), ...Object.keys(counters.intakes)])].sort();
  const [hosts, open] = await Promise.all([
    ports.hosts(aliases),
    Promise.all(aliases.map(async (alias) => [alias, await ports.connections(alias)] as const)),
  ]);
  return { counters, intakes, aliases, hosts, connections: Object.fromEntries(open), oldest };
}
