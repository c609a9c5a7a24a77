import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ReplyReader, readReply, type WireReply } from './reply-reader.ts';

/** What a reader makes of octets that come in pieces of these sizes, in turn. */
function readIn(wire: Buffer, sizes: readonly number[]): WireReply[] {
  const reader = new ReplyReader();
  const replies: WireReply[] = [];
  for (let at = 0, n = 0; at < wire.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1;
    replies.push(...reader.take(wire.subarray(at, at + size)));
    at += size;
  }
  return replies;
}

const ROWS: readonly (readonly [wire: string, replies: readonly WireReply[]])[] = [
  ['250 2.1.0 Ok\r\n', [{ code: 250, text: '250 2.1.0 Ok' }]],
  ['354\r\n', [{ code: 354, text: '354' }]],
  [
    '250 one\n550 two\n',
    [
      { code: 250, text: '250 one' },
      { code: 550, text: '550 two' },
    ],
  ],
  ['250-one\r\n250-\r\n250 two\r\n', [{ code: 250, text: '250-one\n250-\n250 two' }]],
  ['250-one\r\n550 two\r\n', [{ code: 550, text: '250-one\n550 two' }]],
  ['\r\n250 one\r\n\r\n', [{ code: 250, text: '250 one' }]],
  ['what\r\n', [{ code: 0, text: 'what' }]],
  ['2500 what\r\n', [{ code: 0, text: '2500 what' }]],
  [
    '250-one\r\nwhat\r\n250 two\r\n',
    [
      { code: 0, text: '250-one\nwhat' },
      { code: 250, text: '250 two' },
    ],
  ],
  ['250 unfinished', []],
  ['250-unfinished\r\n', []],
];

describe('the replies of a peer', () => {
  for (const [wire, replies] of ROWS) {
    it(`${JSON.stringify(wire)}, cut anywhere, are ${JSON.stringify(replies.map(({ code }) => code))}`, () => {
      const octets = Buffer.from(wire);
      for (let size = 1; size <= octets.length; size += 1)
        assert.deepEqual(readIn(octets, [size]), replies, `in pieces of ${size}`);
    });
  }

  const code = fc.integer({ min: 200, max: 599 });
  const text = fc.string({ unit: 'binary', maxLength: 40 }).map((line) => line.replace(/[\r\n]/g, ' '));
  const reply = fc.tuple(code, fc.array(text, { minLength: 1, maxLength: 4 }));

  it('are read as they were written, in whatever pieces they come', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
        (written, sizes) => {
          const lines = written.map(([number, texts]) =>
            texts.map((line, n) => `${number}${n < texts.length - 1 ? '-' : ' '}${line}`),
          );
          const wire = Buffer.from(lines.map((all) => `${all.join('\r\n')}\r\n`).join(''));
          const replies = readIn(wire, sizes);
          assert.deepEqual(
            replies.map((one) => [one.code, Buffer.from(one.text, 'latin1').toString()]),
            written.map(([number], n) => [number, lines[n]?.join('\n')]),
          );
        },
      ),
    );
  });

  it('are the same whatever the pieces, and never more than lines, of any octets at all', () => {
    const octets = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
    const likely = fc
      .array(fc.constantFrom('250', '-', ' ', '\r', '\n', '\r\n', 'x', '421 '), { maxLength: 60 })
      .map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(
        fc.oneof(octets, likely),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (wire, sizes) => {
          const whole = new ReplyReader().take(wire);
          assert.deepEqual(readIn(wire, sizes), whole);
          assert.ok(whole.length <= wire.toString('latin1').split('\n').length);
          for (const one of whole) assert.ok(one.code === 0 || (one.code >= 0 && one.code <= 999));
        },
      ),
    );
  });

  for (const [name, piece] of [
    ['a line', Buffer.alloc(1000, '2')],
    ['a reply', Buffer.from(`250-${'x'.repeat(200)}\r\n`)],
  ] as const) {
    it(`that never end ${name} are given up`, () => {
      const reader = new ReplyReader();
      let taken = 0;
      let replies: WireReply[] = [];
      while (replies.length === 0 && taken < 200_000) {
        replies = reader.take(piece);
        taken += piece.length;
      }
      assert.deepEqual(
        replies.map((one) => one.code),
        [0],
      );
      assert.ok(taken < 70_000);
    });
  }

  it('are text in UTF-8 where they are that, and in Latin-1 where they are not', () => {
    const [utf8, latin1] = new ReplyReader().take(
      Buffer.concat([
        Buffer.from('550 5.1.1 Gr\u00fc\u00dfe\r\n'),
        Buffer.from('550 Gr\u00fc\u00dfe\r\n', 'latin1'),
      ]),
    );
    assert.deepEqual(utf8 && readReply(utf8), { code: 550, enhanced: '5.1.1', text: 'Gr\u00fc\u00dfe' });
    assert.deepEqual(latin1 && readReply(latin1), { code: 550, text: 'Gr\u00fc\u00dfe' });
  });
});
