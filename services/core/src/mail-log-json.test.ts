import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type DeliveryFailure, describeFailure, HARD_BOUNCE_REASONS } from './delivery-failure.ts';
import { toDcid, toIcid, toMid, toRid } from './ids.ts';
import type { MailLogEvent } from './mail-log.ts';
import { formatMailLogJson } from './mail-log-json.ts';
import { levelOf, mailLogText } from './mail-log-text.ts';

type Kind = MailLogEvent['kind'];
type Event<K extends Kind> = Extract<MailLogEvent, { kind: K }>;

/** Plain texts, texts of every character, lone surrogates among them, and overlong ones. */
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    .map((units) => String.fromCharCode(...units)),
  fc
    .tuple(fc.integer({ min: 490, max: 510 }), fc.constantFrom('', '"', '\\', '\u{1f600}', '\ud83d', 'é'))
    .map(([length, end]) => `${'x'.repeat(length)}${end}y`),
);
const count = fc.nat();
const mid = count.map(toMid);
const dcid = count.map(toDcid);
const icid = count.map(toIcid);
const ends = fc.record({ localAddress: text, peerAddress: text, port: count });
const dns = fc.record({
  kind: fc.constant('dns' as const),
  domain: text,
  record: fc.constantFrom('MX' as const, 'A' as const),
  code: fc.constantFrom('NXDomain' as const, 'ServFail' as const),
});
const failure: fc.Arbitrary<DeliveryFailure> = fc.oneof(
  dns,
  fc.record({
    kind: fc.constant('smtp-reply' as const),
    stage: fc.constant('rcpt' as const),
    reply: fc.oneof(
      fc.record({ code: fc.integer({ min: 400, max: 599 }), text }),
      fc.record({ code: fc.integer({ min: 400, max: 599 }), enhanced: text, text }),
    ),
  }),
  fc.record({ kind: fc.constant('uncertain' as const), detail: text }),
);
const is = <K extends Kind>(kind: K) => fc.constant(kind);

/** Any event of each kind, its fields in the order of its type. */
const EVENTS: { readonly [K in Kind]: fc.Arbitrary<Event<K>> } = {
  start: fc.record({ kind: is('start'), mid, icid }),
  from: fc.record({ kind: is('from'), mid, icid, sender: text }),
  to: fc.record({ kind: is('to'), mid, icid, rid: count.map(toRid), recipient: text }),
  aborted: fc.record({ kind: is('aborted'), mid, icid, reason: text }),
  'message-id': fc.record({ kind: is('message-id'), mid, messageIdHeader: text }),
  subject: fc.record({ kind: is('subject'), mid, subject: text }),
  ready: fc.record({ kind: is('ready'), mid, sizeBytes: count, sender: text }),
  'policy-matched': fc.record({ kind: is('policy-matched'), mid, policy: text }),
  split: fc.record({ kind: is('split'), mid, newMid: mid, policy: text }),
  enqueued: fc.record({ kind: is('enqueued'), mid, messageIdHeader: text, intake: text, address: text }),
  'new-dcid': fc.record({ kind: is('new-dcid'), dcid, intake: text, ends }),
  'tls-success': fc.record({ kind: is('tls-success'), dcid, protocol: text, cipher: text }),
  'tls-failed': fc.record({ kind: is('tls-failed'), dcid, reason: text }),
  'delivery-start': fc.record({ kind: is('delivery-start'), dcid, mid }),
  delivered: fc.record({ kind: is('delivered'), mid, dcid, intake: text }),
  finished: fc.record({ kind: is('finished'), mid }),
  'connection-error': fc.record({
    kind: is('connection-error'),
    dcid,
    intake: text,
    ends,
    details: text,
    reason: text,
  }),
  delayed: fc.record({ kind: is('delayed'), dcid, mid, failure }),
  pending: fc.record({ kind: is('pending'), mid, until: count, offsetMinutes: fc.integer() }),
  'dns-error': fc.record({ kind: is('dns-error'), failure: dns, hard: fc.boolean() }),
  'hard-bounced': fc.oneof(
    fc.record({ kind: is('hard-bounced'), mid }),
    fc.record({ kind: is('hard-bounced'), mid, failure }),
  ),
  'delivery-failed': fc.record({
    kind: is('delivery-failed'),
    mid,
    intake: text,
    reason: fc.constantFrom(...HARD_BOUNCE_REASONS),
  }),
  bounced: fc.oneof(
    fc.record({ kind: is('bounced'), dcid, mid }),
    fc.record({ kind: is('bounced'), dcid, mid, failure }),
  ),
  'dcid-close': fc.record({ kind: is('dcid-close'), dcid }),
  notice: fc.record({
    kind: is('notice'),
    level: fc.constantFrom('debug' as const, 'info' as const, 'warning' as const, 'critical' as const),
    name: text,
    text,
    fields: fc.dictionary(
      fc.constantFrom('time', 'level', 'mid', 'maxAge', 'max_age', 'of"quotes'),
      fc.oneof(text, fc.boolean(), fc.integer(), fc.double()),
    ),
  }),
};

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Plain data with snake-case keys and texts of at most 500 characters, as the library is to write it. */
function plain(value: unknown): unknown {
  if (typeof value === 'string')
    return value.length <= 500 ? value : `${value.slice(0, 500).replace(/[\ud800-\udbff]$/, '')}...`;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [snake(key), plain(member)]));
}

/** The contract, by way of an object: what the event has of its own stands behind the four that each line has. */
function expected(at: number, event: MailLogEvent): Readonly<Record<string, unknown>> {
  const isNotice = event.kind === 'notice';
  const line: Record<string, unknown> = {
    time: new Date(at).toISOString(),
    level: levelOf(event),
    text: mailLogText(event),
    event: isNotice ? event.name : event.kind,
  };
  for (const [key, member] of Object.entries(isNotice ? (event.fields ?? {}) : event)) {
    if (!(snake(key) in line) && (isNotice || !['kind', 'failure'].includes(key)))
      line[snake(key)] = plain(member);
  }
  if (isNotice || !('failure' in event) || event.failure === undefined) return line;
  const isFinal = event.kind === 'dns-error' ? event.hard : event.kind !== 'delayed';
  const { status, code, reply } = describeFailure(event.failure, isFinal);
  return { ...line, failure: plain({ kind: event.failure.kind, status, code, reply }) };
}

describe('a line of JSON', () => {
  for (const [kind, events] of Object.entries<fc.Arbitrary<MailLogEvent>>(EVENTS)) {
    it(`of ${kind} is what the library writes of the same fields`, () => {
      const times = fc.constantFrom(
        0,
        1,
        Date.UTC(2024, 1, 16, 21, 19, 22),
        Date.UTC(2024, 1, 16, 21, 19, 22, 7),
      );
      fc.assert(
        fc.property(times, events, (at, event) =>
          assert.equal(formatMailLogJson(at, event), JSON.stringify(expected(at, event))),
        ),
      );
    });
  }
});
