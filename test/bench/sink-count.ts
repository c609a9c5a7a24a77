import { type Mark, readMark } from './message-scanner.ts';
import type { SinkReport } from './protocol.ts';
import { summarize } from './statistics.ts';

/** Counts what one run brings, and what it should not. */
export interface SinkCount {
  /** A message on this connection; answers whether the run is complete with it. */
  message(
    connection: object,
    message: { readonly head: string; readonly octets: number; readonly secure: boolean },
    nowNanoseconds: bigint,
  ): boolean;
  closed(connection: object): void;
  report(): SinkReport;
}

const toMs = (nanoseconds: bigint): number => Number(nanoseconds) / 1e6;

export function createSinkCount(run: string, count: number): SinkCount {
  const arrivedAt = Array.from({ length: count }, (): number | null => null);
  const latencies: number[] = [];
  const open = new Set<object>();
  const seen = { distinct: 0, doubled: 0, clearText: 0, foreign: 0, octets: 0, firstAt: 0, lastAt: 0 };
  const connections = { connections: 0, connectionsAtOnce: 0 };

  const note = (connection: object): void => {
    if (open.has(connection)) return;
    open.add(connection);
    connections.connections += 1;
    connections.connectionsAtOnce = Math.max(connections.connectionsAtOnce, open.size);
  };
  /** Later copies of an earlier run are that run's affair, whose report is made when nothing can come any more. */
  const isOfThisRun = (mark: Mark | undefined): mark is Mark => {
    const known = mark !== undefined && (mark.run !== run || mark.sequence < count);
    if (!known) seen.foreign += 1;
    return known && mark.run === run;
  };
  return {
    message(connection, { head, octets, secure }, now) {
      const mark = readMark(head);
      if (!isOfThisRun(mark)) return false;
      note(connection);
      const at = toMs(now);
      if (seen.firstAt === 0) seen.firstAt = at;
      seen.lastAt = at;
      seen.octets += octets;
      if (!secure) seen.clearText += 1;
      if (arrivedAt[mark.sequence] !== null) {
        seen.doubled += 1;
        return false;
      }
      arrivedAt[mark.sequence] = at;
      latencies.push(toMs(now - mark.sentNanoseconds));
      seen.distinct += 1;
      return seen.distinct === count;
    },
    closed: (connection) => void open.delete(connection),
    report: () => ({ run, ...seen, ...connections, arrivedAt, dueToArrival: summarize(latencies) }),
  };
}
