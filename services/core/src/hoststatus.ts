import type { HostState } from './host-state.ts';
import { formatUtcDate } from './mail-date.ts';
import { quoteForLog } from './mail-log-text.ts';
import { withThousands } from './tophosts.ts';

/** Everything `hoststatus` shows of one host. Times in milliseconds since the epoch, 0 where there is none. */
export interface HostStatusView {
  readonly asOf: number;
  readonly host: string;
  readonly state: HostState;
  readonly softBouncedEvents: number;
  readonly hardBounced: {
    readonly dns: number;
    readonly fiveXx: number;
    readonly filter: number;
    readonly expired: number;
    readonly other: number;
  };
  readonly delivered: number;
  readonly deleted: number;
  readonly unattempted: number;
  readonly attempted: number;
  readonly currentConnections: number;
  readonly pendingConnections: number;
  readonly oldestMessageAt: number;
}

/** Recipients that were given up, for whatever reason. */
export const hardBouncedInAll = ({ hardBounced: hard }: Pick<HostStatusView, 'hardBounced'>): number =>
  hard.dns + hard.fiveXx + hard.filter + hard.expired + hard.other;

/** What is said of a host that was never heard of. */
export const noRecordOfHost = (host: string): string => `No record of host: ${host}`;

/** `1 mins 12 secs`, the largest two units. */
function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (hours > 0) return `${hours} hours ${minutes} mins`;
  if (minutes > 0) return `${minutes} mins ${seconds % 60} secs`;
  return `${seconds} secs`;
}

const figure = (label: string, value: number, indent = 2): string =>
  `${' '.repeat(indent)}${label}`.padEnd(36) + withThousands(value).padStart(12);

const line = (label: string, value: string): string => `${label}`.padEnd(36) + value.padStart(12);

const orNone = (lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? ['  none known'] : lines;

/**
 * The view of the gateway's `hoststatus` command: counters, gauges, then what is known of the host (spec §8). What the
 * peer said is quoted: it goes to a terminal.
 */
export function renderHostStatus(view: HostStatusView): string {
  const { hardBounced, state } = view;
  const hard = hardBouncedInAll(view);
  return [
    'Host mail status for:',
    `'${view.host}'`,
    `Status as of:         ${formatUtcDate(view.asOf)} UTC`,
    `Host up/down:         ${state.up ? 'up' : 'down'}`,
    '',
    'Counters:',
    '  Queue',
    figure('Soft Bounced Events', view.softBouncedEvents, 4),
    '  Completion',
    figure('Completed Recipients', hard + view.delivered + view.deleted, 4),
    figure('Hard Bounced Recipients', hard, 6),
    figure('DNS Hard Bounces', hardBounced.dns, 8),
    figure('5XX Hard Bounces', hardBounced.fiveXx, 8),
    figure('Filter Hard Bounces', hardBounced.filter, 8),
    figure('Expired Hard Bounces', hardBounced.expired, 8),
    figure('Other Hard Bounces', hardBounced.other, 8),
    figure('Delivered Recipients', view.delivered, 6),
    figure('Deleted Recipients', view.deleted, 6),
    '',
    'Gauges:',
    '  Queue',
    figure('Active Recipients', view.unattempted + view.attempted, 4),
    figure('Unattempted Recipients', view.unattempted, 6),
    figure('Attempted Recipients', view.attempted, 6),
    '  Connections',
    figure('Current Outbound Connections', view.currentConnections, 4),
    figure('Pending Outbound Connections', view.pendingConnections, 4),
    '',
    line(
      'Oldest Message',
      view.oldestMessageAt === 0 ? 'No Messages' : formatAge(view.asOf - view.oldestMessageAt),
    ),
    line('Last Activity', state.lastActivityAt === 0 ? 'none' : `${formatUtcDate(state.lastActivityAt)} UTC`),
    '',
    'MX Records:',
    ...orNone(state.mxRecords.map((mx) => `  ${String(mx.priority).padEnd(6)}${mx.exchange}`)),
    'Ordered IP addresses:',
    ...orNone(state.addresses.map((address) => `  ${address}`)),
    '',
    'Last 5XX Error:',
    `  ${state.last5xx === '' ? 'none' : quoteForLog(state.last5xx)}`,
    '',
  ].join('\n');
}
