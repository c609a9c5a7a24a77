import { withDeadline } from '@tdc/platform';
import type { QueueReading } from '../metrics.ts';
import type { ViewPorts } from '../ports.ts';
import { readDestinations } from './destinations-reading.ts';
import { readDemand } from './scaling.ts';

/** Several scrapers within a second cost one reading. */
const CACHE_MS = 1000;
/** Well within the ten seconds after which a scraper gives up. */
const READING_SECONDS = 4;

/** Reads what the queue's metrics are made from; rejects when Redis does not answer in time. */
export function createQueueReader(
  ports: ViewPorts,
  timeoutSeconds: number = READING_SECONDS,
): () => Promise<QueueReading> {
  let last: { readonly at: number; readonly reading: Promise<QueueReading> } | undefined;
  return () => {
    const now = ports.now();
    if (last === undefined || now - last.at >= CACHE_MS) {
      const late = `no reading within ${timeoutSeconds} s`;
      last = { at: now, reading: withDeadline(read(ports), timeoutSeconds * 1000, late) };
    }
    return last.reading;
  };
}

async function read(ports: ViewPorts): Promise<QueueReading> {
  const [destinations, copies, server] = await Promise.all([
    readDestinations(ports),
    readDemand(ports),
    ports.server(),
  ]);
  const { counters, aliases, hosts, connections, oldest } = destinations;
  const now = ports.now();
  const byAlias = <T>(value: (alias: string) => T): Record<string, T> =>
    Object.fromEntries(aliases.map((alias) => [alias, value(alias)]));
  return {
    counters,
    copies,
    server,
    aliases,
    connections,
    up: byAlias((alias) => hosts[alias]?.up ?? true),
    oldestAgeSeconds: byAlias((alias) => Math.max(0, (now - (oldest[alias] ?? now)) / 1000)),
  };
}
