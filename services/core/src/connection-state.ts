import { InvariantError } from './invariant.ts';

/**
 * The life of one outbound connection (one DCID):
 *
 *     connecting ─▶ ready ⇄ delivering ─▶ closing ─▶ closed
 *
 * `connecting` lasts from the first packet to the end of the TLS handshake and the EHLO behind it; a connection that
 * is not encrypted never becomes `ready`.
 */
export type ConnectionState = 'connecting' | 'ready' | 'delivering' | 'closing' | 'closed';

export type ConnectionEvent =
  /** TLS stands and the peer has answered EHLO. */
  | 'secured'
  /** Of a copy; also of the next one while the answer to that before it is out. */
  | 'delivery-started'
  /** The peer answered for the last copy under way, whatever it said, and the dialogue is back at its start. */
  | 'reply-received'
  /** Not needed any more: idle too long, surplus, its share of messages delivered, draining. */
  | 'retire'
  /** The peer said goodbye (421), or the connection failed. */
  | 'lost'
  | 'closed';

const TRANSITIONS: Readonly<
  Record<ConnectionState, Readonly<Partial<Record<ConnectionEvent, ConnectionState>>>>
> = {
  connecting: { secured: 'ready', lost: 'closed', retire: 'closing', closed: 'closed' },
  ready: { 'delivery-started': 'delivering', retire: 'closing', lost: 'closed', closed: 'closed' },
  delivering: {
    'delivery-started': 'delivering',
    'reply-received': 'ready',
    lost: 'closed',
    closed: 'closed',
  },
  closing: { lost: 'closed', closed: 'closed' },
  closed: { lost: 'closed', closed: 'closed' },
};

/** The state after an event; throws {@link InvariantError} on a move that the table does not know. */
export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  const next = TRANSITIONS[state][event];
  if (next === undefined) throw new InvariantError(`connection in state ${state} cannot take event ${event}`);
  return next;
}
