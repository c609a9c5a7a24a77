import type { CpuUse } from './accounting.ts';
import type { LoadCase } from './loads.ts';
import type { LoadReport, SinkReport } from './protocol.ts';
import { summarize } from './statistics.ts';

/** What one run gives. Undefined: not measured by this load. */
export interface Figures {
  readonly acceptedPerSecond: number;
  readonly copiesPerSecond: number;
  readonly cpuSecondsPerThousand: number;
  readonly redisCpuSecondsPerThousand: number;
  readonly peakMiB: number;
  readonly acceptP50Ms: number | undefined;
  readonly acceptP99Ms: number | undefined;
  readonly acceptToDeliveredP50Ms: number | undefined;
  readonly acceptToDeliveredP99Ms: number | undefined;
  readonly messagesPerConnection: number;
  readonly roundTripsPerMessage: number | undefined;
  readonly deferred: number;
  /** Of the load and the sink, to see that they are not what is measured. */
  readonly harnessCpuSecondsPerThousand: number;
}

/** What must not happen to any message. */
export interface Faults {
  readonly lost: number;
  readonly doubled: number;
  readonly clearText: number;
  readonly foreign: number;
}

export interface Observed {
  readonly load: LoadCase;
  readonly sent: LoadReport;
  readonly seen: SinkReport;
  readonly cpu: CpuUse;
  readonly peakBytes: number;
}

const MIB = 1024 * 1024;

/** From the sender's 250 to the final dot at the sink. A copy may be there before the 250 is read: then it is below zero. */
function acceptToDelivered({ sent, seen }: Observed) {
  return summarize(
    seen.arrivedAt.flatMap((at, sequence) => {
      const accepted = sent.acceptedAt[sequence];
      return at === null || accepted === undefined ? [] : [at - accepted];
    }),
  );
}

/** The figures of a run that was observed to its end. */
export function figuresOf(observed: Observed): Figures {
  const { load, sent, seen, cpu, peakBytes } = observed;
  const perThousand = (seconds: number): number => (seconds * 1000) / load.count;
  const perSecond = (milliseconds: number): number => (load.count * 1000) / milliseconds;
  const isPaced = load.rate !== undefined;
  const journey = isPaced ? acceptToDelivered(observed) : undefined;
  return {
    acceptedPerSecond: perSecond(sent.lastAt - sent.firstAt),
    copiesPerSecond: perSecond(seen.lastAt - sent.firstAt),
    cpuSecondsPerThousand: perThousand(cpu.groups.system + cpu.groups.redis),
    redisCpuSecondsPerThousand: perThousand(cpu.groups.redis),
    peakMiB: peakBytes / MIB,
    acceptP50Ms: sent.accept?.p50,
    acceptP99Ms: sent.accept?.p99,
    acceptToDeliveredP50Ms: journey?.p50,
    acceptToDeliveredP99Ms: journey?.p99,
    messagesPerConnection: load.count / seen.connections,
    roundTripsPerMessage:
      load.roundTripMs === 0
        ? undefined
        : (seen.connectionsAtOnce * (seen.lastAt - seen.firstAt)) / load.roundTripMs / load.count,
    deferred: sent.deferred,
    harnessCpuSecondsPerThousand: perThousand(cpu.groups.load + cpu.groups.sink),
  };
}

/** What went wrong, by the sink's last word. */
export const faultsOf = (load: Pick<LoadCase, 'count'>, seen: SinkReport): Faults => ({
  lost: load.count - seen.distinct,
  doubled: seen.doubled,
  clearText: seen.clearText,
  foreign: seen.foreign,
});

/** The faults in words; undefined when there are none. */
export function describeFaults(faults: Faults): string | undefined {
  const named = Object.entries(faults).filter(([, count]) => count !== 0);
  return named.length === 0 ? undefined : named.map(([name, count]) => `${name} ${count}`).join(', ');
}
