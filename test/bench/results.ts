import type { Figures } from './figures.ts';
import type { Run } from './measure.ts';
import { type Spread, spreadOf } from './statistics.ts';
import { formatNumber, formatSpread, renderTable } from './table.ts';

/** All runs of one load: by system, one for each round. */
export interface LoadResult {
  readonly load: string;
  readonly count: number;
  readonly runs: Readonly<Record<string, readonly Run[]>>;
}

/** What the machine and the harness carry without any system between them, in messages per second, one for each round. */
export interface Anchors {
  readonly wire: readonly number[];
  readonly harness: readonly number[];
}

const SHOWN: readonly (readonly [title: string, figure: keyof Figures])[] = [
  ['accepted/s', 'acceptedPerSecond'],
  ['copies/s', 'copiesPerSecond'],
  ['CPU s per 1,000', 'cpuSecondsPerThousand'],
  ['of which Redis', 'redisCpuSecondsPerThousand'],
  ['peak memory, MiB', 'peakMiB'],
  ['accept p50, ms', 'acceptP50Ms'],
  ['accept p99, ms', 'acceptP99Ms'],
  ['accept to delivered p50, ms', 'acceptToDeliveredP50Ms'],
  ['accept to delivered p99, ms', 'acceptToDeliveredP99Ms'],
  ['messages per connection', 'messagesPerConnection'],
  ['round trips per message', 'roundTripsPerMessage'],
  ['asked to try later', 'deferred'],
];

const valuesOf = (runs: readonly Run[] | undefined, figure: keyof Figures): readonly (number | undefined)[] =>
  (runs ?? []).map(({ figures }) => figures[figure]);

const isNumber = (value: number | undefined): value is number => value !== undefined;

/** How many times the other's figure the first one's is, round by round: both had the same machine then. */
export function ratioOf(
  ours: readonly (number | undefined)[],
  theirs: readonly (number | undefined)[],
): Spread | undefined {
  const ratios = ours.flatMap((value, round) => {
    const other = theirs[round];
    return value === undefined || other === undefined || other === 0 ? [] : [value / other];
  });
  return spreadOf(ratios);
}

/** One load as a table: a row for each figure, a column for each system, and what ours is to the other. */
export function renderLoad({ load, count, runs }: LoadResult): string {
  const systems = Object.keys(runs);
  const [ours, other] = systems;
  const head = ['', ...systems, ...(other === undefined ? [] : [`${ours} / ${other}`])];
  const rows = SHOWN.flatMap(([title, figure]) => {
    const values = systems.map((system) => valuesOf(runs[system], figure));
    if (!values.flat().some((value) => isNumber(value) && value !== 0)) return [];
    const spreads = values.map((list) => formatSpread(spreadOf(list.filter(isNumber))));
    const ratio = other === undefined ? [] : [formatSpread(ratioOf(values[0] ?? [], values[1] ?? []))];
    return [[title, ...spreads, ...ratio]];
  });
  const disturbed = systems.flatMap((system) =>
    (runs[system] ?? []).flatMap(({ disturbed, foreign }, round) =>
      disturbed ? [`${system} in round ${round + 1} (${formatNumber(foreign)} of a core)`] : [],
    ),
  );
  const note = disturbed.length === 0 ? '' : `\nDisturbed by other programs: ${disturbed.join(', ')}.\n`;
  return `### ${load} (${count} messages)\n\n${renderTable(head, rows)}\n${note}`;
}

/** The wire, the harness, and copies per second of each system as a share of the wire; of loads that send as fast as they can. */
export function renderAnchors({ wire, harness }: Anchors, results: readonly LoadResult[]): string {
  const share = (values: readonly (number | undefined)[]): string => formatSpread(ratioOf(values, wire));
  const anchors = [
    [
      'smtp-source to smtp-sink, no TLS',
      formatSpread(spreadOf(wire)),
      formatSpread(spreadOf(wire.map(() => 1))),
    ],
    ['load to sink of this benchmark, no TLS', formatSpread(spreadOf(harness)), share(harness)],
  ];
  const systems = results.flatMap(({ load, runs }) =>
    Object.entries(runs).map(([system, list]) => {
      const copies = valuesOf(list, 'copiesPerSecond');
      return [`${system}: ${load}`, formatSpread(spreadOf(copies.filter(isNumber))), share(copies)];
    }),
  );
  return `### Against the wire\n\n${renderTable(['4 KB, many per connection', 'per second', 'of the wire'], [...anchors, ...systems])}\n`;
}
