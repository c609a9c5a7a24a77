import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toDcid } from '@tdc/core';
import fc from 'fast-check';
import { FakeConnection } from '../../../../test/support/destination-bench.ts';
import { Patience } from '../patience.ts';
import { type Member, Members } from './members.ts';

const memberOf = (number: number): Member => ({
  dcid: toDcid(number),
  opening: new AbortController(),
  tls: { verify: true, maxVersion: 'TLSv1.3' },
  state: 'connecting',
  connection: new FakeConnection(),
  messages: 0,
  copies: 0,
  takesAhead: false,
  releasedAt: 0,
  idle: new Patience(() => undefined),
});

/** What may befall a connection in the state that it is in. */
const ACTS: readonly ((members: Members, member: Member) => void)[] = [
  (members, member) => member.state === 'connecting' && members.move(member, 'secured'),
  (members, member) => {
    if (member.state !== 'ready') return;
    members.move(member, 'delivery-started');
    members.take(member);
  },
  (members, member) => {
    if (member.copies === 0) return;
    members.giveBack(member);
    if (member.copies === 0 && member.state === 'delivering') members.move(member, 'reply-received');
  },
  (members, member) => member.state === 'delivering' && members.take(member),
  (members, member) => members.takesAhead(member),
  (_, { connection }) => {
    if (connection instanceof FakeConnection) connection.usable = false;
  },
  (members, member) => member.state === 'ready' && members.move(member, 'retire'),
  (members, member) => {
    if (member.state !== 'closed') members.move(member, 'closed');
    members.delete(member);
  },
  (members, member) => members.delete(member),
];

describe('the connections of a destination', () => {
  it('are counted as they are, whatever befalls them', () => {
    const acts = fc.array(fc.tuple(fc.nat(3), fc.nat(ACTS.length - 1)), { maxLength: 60, size: 'max' });
    fc.assert(
      fc.property(acts, (happening) => {
        const all = [1, 2, 3, 4].map(memberOf);
        const members = new Members();
        for (const member of all) members.add(member);
        for (const [who, act] of happening) {
          const member = all[who];
          if (member !== undefined) ACTS[act]?.(members, member);
          const here = [...members];
          assert.equal(members.size, here.length);
          assert.equal(
            members.copies,
            here.reduce((sum, { copies }) => sum + copies, 0),
          );
          assert.equal(members.ahead, here.filter(({ takesAhead }) => takesAhead).length);
          const ready = here.findLast(
            ({ state, connection }) => state === 'ready' && connection?.isUsable() === true,
          );
          assert.equal(members.newestReady(), ready);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
