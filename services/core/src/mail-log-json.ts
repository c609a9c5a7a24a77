import { describeFailure } from './delivery-failure.ts';
import type { MailLogEvent } from './mail-log.ts';
import { cutForLog, levelOf, mailLogText } from './mail-log-text.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** The names of fields are few, and each is asked for with every line. */
const snakeNames = new Map<string, string>();
const MAX_NAMES = 1000;

function snake(name: string): string {
  const known = snakeNames.get(name);
  if (known !== undefined) return known;
  const made = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  if (snakeNames.size < MAX_NAMES) snakeNames.set(name, made);
  return made;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Plain data with snake-case keys and bounded texts; what is undefined is left out. */
function toJson(value: unknown): Json {
  if (Array.isArray(value)) return value.map(toJson);
  if (isRecord(value)) {
    const json: { [key: string]: Json } = {};
    for (const [key, member] of Object.entries(value)) {
      if (member !== undefined) json[snake(key)] = toJson(member);
    }
    return json;
  }
  if (typeof value === 'string') return cutForLog(value);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return null;
}

/** How the failure of an event reads, in the class of what came of it. */
function failureOf(event: MailLogEvent): Json | undefined {
  if (!('failure' in event) || event.failure === undefined) return undefined;
  // A DNS line tells of the look-up alone: a server's trouble is temporary even when the copy is given up.
  const final = event.kind === 'dns-error' ? event.hard : event.kind !== 'delayed';
  const { status, code, reply } = describeFailure(event.failure, final);
  return { kind: event.failure.kind, status, code, reply };
}

/** Adds the fields that are the event's own; none of a notice can take the place of what stands already. */
function addFields(line: { [key: string]: Json }, event: MailLogEvent): void {
  const isNotice = event.kind === 'notice';
  for (const [key, value] of Object.entries(isNotice ? (event.fields ?? {}) : event)) {
    const name = snake(key);
    const isToldOtherwise = name in line || (!isNotice && (key === 'kind' || key === 'failure'));
    if (value !== undefined && !isToldOtherwise) line[name] = toJson(value);
  }
  const failure = failureOf(event);
  if (failure !== undefined) line['failure'] = toJson(failure);
}

/**
 * The JSON form of an event: `time` (ISO 8601, UTC), `level`, `text` (the line of the text form), `event` (the kind, or
 * a notice's name) and the event's own fields in snake case. A failure also tells its status, code and reply.
 */
export function mailLogJson(at: number, event: MailLogEvent): Readonly<Record<string, Json>> {
  const line: { [key: string]: Json } = {
    time: new Date(at).toISOString(),
    level: levelOf(event),
    text: mailLogText(event),
    event: event.kind === 'notice' ? event.name : event.kind,
  };
  addFields(line, event);
  return line;
}
