import { formatUtcDate } from './mail-date.ts';

/** One row of `tophosts`: the queue itself, or one intake below it. */
export interface TopHostsRow {
  readonly host: string;
  /** Alias of the intake; '' on the queue's own row. */
  readonly intake: string;
  /** Down as of the last delivery attempt: `*` on the rank. */
  readonly down: boolean;
  readonly activeRecipients: number;
  readonly connectionsOut: number;
  readonly deliveredRecipients: number;
  readonly softBouncedEvents: number;
  readonly hardBouncedRecipients: number;
}

/** Columns by which the view can be sorted. */
export const TOP_HOSTS_COLUMNS = ['active', 'connections', 'delivered', 'soft', 'hard', 'host'] as const;
export type TopHostsColumn = (typeof TOP_HOSTS_COLUMNS)[number];

const FIGURES: Readonly<Record<Exclude<TopHostsColumn, 'host'>, (row: TopHostsRow) => number>> = {
  active: (row) => row.activeRecipients,
  connections: (row) => row.connectionsOut,
  delivered: (row) => row.deliveredRecipients,
  soft: (row) => row.softBouncedEvents,
  hard: (row) => row.hardBouncedRecipients,
};

/** Largest figure first, hosts by name; rows that are equal keep their order. */
export function sortTopHosts(rows: readonly TopHostsRow[], column: TopHostsColumn): TopHostsRow[] {
  if (column === 'host') return rows.toSorted((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0));
  const figure = FIGURES[column];
  return rows.toSorted((a, b) => figure(b) - figure(a));
}

/** `14501` → `14,501`. */
export const withThousands = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

const HEADER = [
  '                                     Active   Conn.     Deliv.       Soft       Hard',
  '#    Recipient Host                  Recip.     Out     Recip.    Bounced    Bounced',
];

const hostCell = (row: TopHostsRow): string => {
  const name = row.intake === '' ? row.host : `${row.intake} (${row.host})`;
  return name.length > 27 ? `${name.slice(0, 26)}…` : name;
};

function renderRow(row: TopHostsRow, rank: number): string {
  // The blank keeps figures apart that outgrow their column.
  const cell = (value: number, width: number) => ` ${withThousands(value)}`.padStart(width);
  return [
    `${rank}${row.down ? '*' : ''}`.padEnd(5),
    hostCell(row).padEnd(27),
    cell(row.activeRecipients, 11),
    cell(row.connectionsOut, 8),
    cell(row.deliveredRecipients, 11),
    cell(row.softBouncedEvents, 11),
    cell(row.hardBouncedRecipients, 11),
  ].join('');
}

/** The view of spec §8, to the letter. `asOf` in milliseconds since the epoch. */
export function renderTopHosts(view: {
  readonly asOf: number;
  readonly rows: readonly TopHostsRow[];
}): string {
  return [
    `Status as of: ${formatUtcDate(view.asOf)} UTC`,
    "Hosts marked with '*' were down as of the last delivery attempt.",
    '',
    ...HEADER,
    ...view.rows.map((row, index) => renderRow(row, index + 1)),
    '',
  ].join('\n');
}
