import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConnectionEvent, type ConnectionState, nextConnectionState } from './connection-state.ts';
import { InvariantError } from './invariant.ts';

const LIVES: readonly (readonly [name: string, events: readonly ConnectionEvent[], end: ConnectionState])[] =
  [
    [
      'two copies, then idle',
      [
        'secured',
        'delivery-started',
        'reply-received',
        'delivery-started',
        'reply-received',
        'retire',
        'closed',
      ],
      'closed',
    ],
    [
      'two copies, the second begun before the first was answered',
      ['secured', 'delivery-started', 'delivery-started', 'reply-received'],
      'ready',
    ],
    ['refused', ['lost'], 'closed'],
    ['lost in a delivery', ['secured', 'delivery-started', 'lost'], 'closed'],
    ['not needed before it stood', ['retire', 'closed'], 'closed'],
    ['ended twice', ['secured', 'lost', 'closed'], 'closed'],
  ];

const IMPOSSIBLE: readonly (readonly [state: ConnectionState, event: ConnectionEvent])[] = [
  ['connecting', 'delivery-started'],
  ['ready', 'reply-received'],
  ['ready', 'secured'],
  ['delivering', 'retire'],
  ['closing', 'secured'],
  ['closed', 'delivery-started'],
];

const EVENTS: readonly ConnectionEvent[] = [
  'secured',
  'delivery-started',
  'reply-received',
  'retire',
  'lost',
  'closed',
];
/** The whole table: a row per state, a column per event, `-` where no move is. */
const TABLE: Readonly<Record<ConnectionState, readonly string[]>> = {
  connecting: ['ready', '-', '-', 'closing', 'closed', 'closed'],
  ready: ['-', 'delivering', '-', 'closing', 'closed', 'closed'],
  delivering: ['-', 'delivering', 'ready', '-', 'closed', 'closed'],
  closing: ['-', '-', '-', '-', 'closed', 'closed'],
  closed: ['-', '-', '-', '-', 'closed', 'closed'],
};
const move = (state: ConnectionState, event: ConnectionEvent): string => {
  try {
    return nextConnectionState(state, event);
  } catch {
    return '-';
  }
};

describe('the life of a connection', () => {
  for (const [state, row] of Object.entries(TABLE)) {
    it(`has these moves from ${state}`, () =>
      assert.deepEqual(
        EVENTS.map((event) => move(state as ConnectionState, event)),
        row,
      ));
  }
  for (const [name, events, end] of LIVES) {
    it(name, () => assert.equal(events.reduce(nextConnectionState, 'connecting' as ConnectionState), end));
  }
  for (const [state, event] of IMPOSSIBLE) {
    it(`${state} cannot take ${event}`, () =>
      assert.throws(() => nextConnectionState(state, event), InvariantError));
  }
});
