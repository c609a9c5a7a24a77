import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMessageStore, type StoreLimits } from './message-store.ts';

const SEEN = { mailFrom: '', rcptTo: ['a@setd.example'], mailParameters: '', tls: null, connection: 1 };

function filled(limits: StoreLimits, count: number) {
  const store = createMessageStore(limits);
  for (let n = 1; n <= count; n += 1) store.add(SEEN, Buffer.from(`message ${n}\r\n`));
  return store;
}

describe('what the stand-in keeps', () => {
  it('the description and the octets of each message, with their hash', () => {
    const store = filled({ bodies: 10, bodyBytes: 1000, descriptions: 10 }, 2);
    assert.deepEqual(
      store.messages.map(({ id, size }) => [id, size]),
      [
        [1, 11],
        [2, 11],
      ],
    );
    assert.equal(
      store.messages[0]?.sha256,
      'd7c6f3ebf63d68f1922449221131f284bd7098a5c119cf681dfa9311be6ddb82',
    );
    assert.equal(store.octets(2)?.toString(), 'message 2\r\n');
  });

  const CASES: readonly (readonly [what: string, limits: StoreLimits])[] = [
    ['so many messages', { bodies: 2, bodyBytes: 1000, descriptions: 10 }],
    ['so many octets', { bodies: 10, bodyBytes: 22, descriptions: 10 }],
  ];
  for (const [what, limits] of CASES) {
    it(`the octets of ${what}, and of older ones the description`, () => {
      const store = filled(limits, 4);
      assert.deepEqual(
        [1, 2, 3, 4].map((id) => store.octets(id) !== undefined),
        [false, false, true, true],
      );
      assert.equal(store.messages.length, 4);
    });
  }

  it('no more descriptions than its limit; ids go on', () => {
    const store = filled({ bodies: 5, bodyBytes: 1000, descriptions: 20 }, 21);
    assert.equal(store.messages.length, 18);
    assert.equal(store.messages.at(-1)?.id, 21);
    store.clear();
    assert.equal(store.add(SEEN, Buffer.from('x')), 1);
  });
});
