/** Dates as the mail log, the status commands and message tracking write them. All take epoch milliseconds. */

import { rememberLast } from './remember.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

const two = (value: number): string => String(value).padStart(2, '0');

const clock = (date: Date): string =>
  `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;

/** Shifts an instant so that its UTC fields read as local time. */
const inZone = (at: number, offsetMinutes: number): Date => new Date(at + offsetMinutes * 60_000);

/** Lines of one second share its date. */
const logDateOf = rememberLast((second) => {
  const date = new Date(second * 1000);
  const day = String(date.getUTCDate()).padStart(2, ' ');
  return `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${day} ${clock(date)} ${date.getUTCFullYear()}`;
});

/** `Fri Feb 16 21:19:22 2024`, the day blank-padded as ctime does. `offsetMinutes` east of UTC. */
export const formatLogDate = (at: number, offsetMinutes: number): string =>
  logDateOf(Math.floor((at + offsetMinutes * 60_000) / 1000));

/** `Thu Aug 13 14:29:42 2026`, in UTC. */
export const formatUtcDate = (at: number): string => formatLogDate(at, 0);

const zone = (offsetMinutes: number, separator: string): string => {
  const size = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${separator}${two(size % 60)}`;
};

/** `16 Feb 2024 21:19:24 (GMT -06:00)`, as message tracking writes it. */
export function formatTrackingDate(at: number, offsetMinutes: number): string {
  const date = inZone(at, offsetMinutes);
  return `${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${clock(date)} (GMT ${zone(offsetMinutes, ':')})`;
}

/** Messages of one second share its date. */
const messageDateOf = rememberLast((second) => {
  const date = new Date(second * 1000);
  return `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${clock(date)} +0000`;
});

/** `Fri, 16 Feb 2024 21:19:22 +0000`: the date-time of RFC 5322 §3.3. */
export const formatMessageDate = (at: number): string => messageDateOf(Math.floor(at / 1000));
