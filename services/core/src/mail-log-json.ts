import { type DeliveryFailure, describeFailure } from './delivery-failure.ts';
import type { ConnectionEnds, MailLogEvent } from './mail-log.ts';
import { cutForLog, levelOf, mailLogText } from './mail-log-text.ts';
import { rememberLast } from './remember.ts';

/** Text that stands in JSON as it is. */
const UNESCAPED = /^[ !#-[\]-~]*$/;

/** A text as JSON; most have nothing to escape, and to look costs less than the library's writing. */
const quoted = (text: string): string => (UNESCAPED.test(text) ? `"${text}"` : JSON.stringify(text));

/** A value as JSON, bounded. */
const value = (text: string): string => quoted(cutForLog(text));

const ends = ({ localAddress, peerAddress, port }: ConnectionEnds): string =>
  `{"local_address":${value(localAddress)},"peer_address":${value(peerAddress)},"port":${port}}`;

/** How a failure reads in the class of what came of it; nothing where the deadline was it. */
function failed(failure: DeliveryFailure | undefined, final: boolean): string {
  if (failure === undefined) return '';
  const { status, code, reply } = describeFailure(failure, final);
  return `,"failure":{"kind":${value(failure.kind)},"status":${value(status)},"code":${value(code)},"reply":${value(reply)}}`;
}

type Notice = Extract<MailLogEvent, { kind: 'notice' }>;

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The fields of a notice; none can take the place of what stands already. */
function noticeFields(fields: NonNullable<Notice['fields']>): string {
  const told = new Set(['time', 'level', 'text', 'event']);
  let json = '';
  for (const [key, member] of Object.entries(fields)) {
    const name = snake(key);
    if (told.has(name)) continue;
    told.add(name);
    json += `,${quoted(name)}:${typeof member === 'string' ? value(member) : JSON.stringify(member)}`;
  }
  return json;
}

type Fields = {
  readonly [Kind in MailLogEvent['kind']]: (event: Extract<MailLogEvent, { kind: Kind }>) => string;
};

/**
 * What each event has of its own, in the order of its type. Written out: to ask an object for its fields, and each for
 * what it is, costs a multiple, and a message has a dozen lines.
 */
const FIELDS: Fields = {
  start: (e) => `,"mid":${e.mid},"icid":${e.icid}`,
  from: (e) => `,"mid":${e.mid},"icid":${e.icid},"sender":${value(e.sender)}`,
  to: (e) => `,"mid":${e.mid},"icid":${e.icid},"rid":${e.rid},"recipient":${value(e.recipient)}`,
  aborted: (e) => `,"mid":${e.mid},"icid":${e.icid},"reason":${value(e.reason)}`,
  'message-id': (e) => `,"mid":${e.mid},"message_id_header":${value(e.messageIdHeader)}`,
  subject: (e) => `,"mid":${e.mid},"subject":${value(e.subject)}`,
  ready: (e) => `,"mid":${e.mid},"size_bytes":${e.sizeBytes},"sender":${value(e.sender)}`,
  'policy-matched': (e) => `,"mid":${e.mid},"policy":${value(e.policy)}`,
  split: (e) => `,"mid":${e.mid},"new_mid":${e.newMid},"policy":${value(e.policy)}`,
  enqueued: (e) =>
    `,"mid":${e.mid},"message_id_header":${value(e.messageIdHeader)},"intake":${value(e.intake)},"address":${value(e.address)}`,
  'new-dcid': (e) => `,"dcid":${e.dcid},"intake":${value(e.intake)},"ends":${ends(e.ends)}`,
  'tls-success': (e) => `,"dcid":${e.dcid},"protocol":${value(e.protocol)},"cipher":${value(e.cipher)}`,
  'tls-failed': (e) => `,"dcid":${e.dcid},"reason":${value(e.reason)}`,
  'delivery-start': (e) => `,"dcid":${e.dcid},"mid":${e.mid}`,
  delivered: (e) => `,"mid":${e.mid},"dcid":${e.dcid},"intake":${value(e.intake)}`,
  finished: (e) => `,"mid":${e.mid}`,
  'connection-error': (e) =>
    `,"dcid":${e.dcid},"intake":${value(e.intake)},"ends":${ends(e.ends)},"details":${value(e.details)},"reason":${value(e.reason)}`,
  delayed: (e) => `,"dcid":${e.dcid},"mid":${e.mid}${failed(e.failure, false)}`,
  pending: (e) => `,"mid":${e.mid},"until":${e.until},"offset_minutes":${e.offsetMinutes}`,
  // The line tells of the look-up alone: a server's trouble is temporary even when the copy is given up.
  'dns-error': (e) => `,"hard":${e.hard}${failed(e.failure, e.hard)}`,
  'hard-bounced': (e) => `,"mid":${e.mid}${failed(e.failure, true)}`,
  'delivery-failed': (e) => `,"mid":${e.mid},"intake":${value(e.intake)},"reason":${value(e.reason)}`,
  bounced: (e) => `,"dcid":${e.dcid},"mid":${e.mid}${failed(e.failure, true)}`,
  'dcid-close': (e) => `,"dcid":${e.dcid}`,
  notice: (e) => (e.fields === undefined ? '' : noticeFields(e.fields)),
};

/** Lines of one millisecond share its text. */
const isoTime = rememberLast((at) => new Date(at).toISOString());

/**
 * The JSON form of an event, one line without its end: `time` (ISO 8601, UTC), `level`, `text` (the line of the text
 * form), `event` (the kind, or a notice's name) and the event's own fields in snake case. A failure also tells its
 * status, code and reply.
 */
export function formatMailLogJson(at: number, event: MailLogEvent): string {
  const fields = FIELDS[event.kind] as (event: MailLogEvent) => string;
  const name = event.kind === 'notice' ? quoted(event.name) : `"${event.kind}"`;
  return `{"time":"${isoTime(at)}","level":"${levelOf(event)}","text":${quoted(mailLogText(event))},"event":${name}${fields(event)}}`;
}
