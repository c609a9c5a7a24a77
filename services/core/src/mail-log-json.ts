import { describeFailure } from './delivery-failure.ts';
import type { MailLogEvent } from './mail-log.ts';
import { levelOf, mailLogText } from './mail-log-text.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Plain data with snake-case keys; what is undefined is left out. */
function toJson(value: unknown): Json {
  if (Array.isArray(value)) return value.map(toJson);
  if (isRecord(value)) {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(entries.map(([key, member]) => [snake(key), toJson(member)]));
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return null;
}

/**
 * The JSON form of an event: `time` (ISO 8601, UTC), `level`, `event` (the kind, or a notice's name), `text` (the line
 * of the text form) and the event's own fields in snake case. A failure also tells its status, code and reply.
 */
export function mailLogJson(at: number, event: MailLogEvent): Readonly<Record<string, Json>> {
  const base = { time: new Date(at).toISOString(), level: levelOf(event), text: mailLogText(event) };
  if (event.kind === 'notice')
    return { ...base, event: event.name, ...(toJson(event.fields ?? {}) as object) };
  const { kind, ...fields } = event;
  const json: Record<string, Json> = { ...base, event: kind, ...(toJson(fields) as object) };
  if ('failure' in event && event.failure !== undefined) {
    const { status, code, reply } = describeFailure(event.failure, event.kind !== 'delayed');
    json['failure'] = { kind: event.failure.kind, status, code, reply };
  }
  return json;
}
