import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DotStuffing } from './dot-stuffing.ts';

/** What goes over the wire for octets that come in pieces of these sizes, in turn. */
function stuffedIn(octets: Buffer, sizes: readonly number[], hasBareNewlines = true): Buffer {
  const stuffing = new DotStuffing({ hasBareNewlines });
  const pieces: Buffer[] = [];
  for (let at = 0, n = 0; at < octets.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1;
    pieces.push(stuffing.take(octets.subarray(at, at + size)));
    at += size;
  }
  return Buffer.concat([...pieces, stuffing.end()]);
}

/** The rules one after the other, on the whole: every line end becomes CRLF, every line that begins with a dot gets one more. */
function stuffedByTheRules(octets: Buffer): string {
  const text = octets.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n');
  const ended = text.endsWith('\r\n') ? text : `${text}\r\n`;
  return `${ended.replace(/(^|\r\n)\./g, '$1..')}.\r\n`;
}

const ROWS: readonly (readonly [octets: string, wire: string])[] = [
  ['', '\r\n.\r\n'],
  ['a\r\n', 'a\r\n.\r\n'],
  ['a', 'a\r\n.\r\n'],
  ['.\r\n..\r\na.\r\n', '..\r\n...\r\na.\r\n.\r\n'],
  ['a\n.\nb\n', 'a\r\n..\r\nb\r\n.\r\n'],
  ['a\r.\rb\r', 'a\r\n..\r\nb\r\n.\r\n'],
  ['a\r\r\n.\n\r', 'a\r\n\r\n..\r\n\r\n.\r\n'],
];

describe('message data', () => {
  for (const [octets, wire] of ROWS) {
    it(`of ${JSON.stringify(octets)}, cut anywhere, is ${JSON.stringify(wire)}`, () => {
      for (let size = 1; size <= Math.max(1, octets.length); size += 1)
        assert.equal(stuffedIn(Buffer.from(octets), [size]).toString(), wire, `in pieces of ${size}`);
    });
  }

  it('is what the rules say, in whatever pieces it comes, and ends nowhere but at its end', () => {
    const likely = fc
      .array(fc.constantFrom('\r', '\n', '\r\n', '.', 'x', '\r\n.\r\n', '\n.\n', '\r.\r'), { maxLength: 40 })
      .map((parts) => Buffer.from(parts.join('')));
    const any = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(
        fc.oneof(likely, any),
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
        (octets, sizes) => {
          const wire = stuffedIn(octets, sizes).toString('latin1');
          assert.equal(wire, stuffedByTheRules(octets));
          assert.match(wire, /^(?:\r\n|[^\r\n])*$/, 'no line end but CRLF');
          assert.equal(`\r\n${wire}`.indexOf('\r\n.\r\n'), wire.length - 3);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('without bare newlines is the same where they are not looked for, in whatever pieces it comes', () => {
    const likely = fc
      .array(fc.constantFrom('\r\n', '.', 'x', '\r\n.', '\r\n.\r\n', '..', '\0', '\u00ff'), { maxLength: 40 })
      .map((parts) => Buffer.from(parts.join(''), 'latin1'));
    fc.assert(
      fc.property(
        likely,
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
        (octets, sizes) => {
          const wire = stuffedIn(octets, sizes, false);
          assert.equal(wire.compare(stuffedIn(octets, [1 + octets.length])), 0);
          assert.equal(wire.toString('latin1'), stuffedByTheRules(octets));
        },
      ),
      { numRuns: 2000 },
    );
  });

  for (const hasBareNewlines of [true, false]) {
    it(`of octets that need nothing is the same buffer, ${hasBareNewlines ? 'bare newlines or not' : 'without bare newlines'}`, () => {
      const octets = Buffer.from('Subject: x\r\n\r\nText.\r\n');
      assert.equal(new DotStuffing({ hasBareNewlines }).take(octets).buffer, octets.buffer);
    });
  }
});
