import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hasBareNewline } from './line-ends.ts';

const CR = 13;
const LF = 10;

/** The rule, one octet after the other. */
function byTheRule(octets: Uint8Array, before: number): boolean {
  return octets.some((octet, at) => {
    const previous = at === 0 ? before : octets[at - 1];
    return (octet === LF) !== (previous === CR);
  });
}

/** Text of CRLF lines, with now and then something that stands alone. */
const likely = fc
  .array(fc.constantFrom('\r\n', '\r\n', '\r\n', 'x', 'line of text ', '\r', '\n'), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.join('')));
const any = fc.uint8Array({ maxLength: 200 });
const before = fc.constantFrom(CR, LF, 120);

describe('a lone CR or LF', () => {
  it('is found in any octets, behind any octet', () => {
    fc.assert(
      fc.property(fc.oneof(likely, any), before, (octets, previous) => {
        assert.equal(hasBareNewline(octets, previous), byTheRule(octets, previous));
      }),
      { numRuns: 3000 },
    );
  });

  it('is found at every place of a chunk, of whatever length', () => {
    for (let length = 1; length <= 50; length += 1) {
      const text = Buffer.alloc(length, 'x');
      assert.equal(hasBareNewline(text, LF), false);
      for (let at = 0; at < length; at += 1) {
        const withLf = Buffer.from(text);
        withLf[at] = LF;
        assert.equal(hasBareNewline(withLf, LF), true, `LF at ${at} of ${length}`);
        const withCr = Buffer.from(text);
        withCr[at] = CR;
        // At the end the next chunk tells.
        assert.equal(hasBareNewline(withCr, LF), at < length - 1, `CR at ${at} of ${length}`);
      }
    }
  });

  it('is found in chunks longer than what is looked at in one call, on both sides of the seam', () => {
    const seam = 64 * 1024;
    const lines = (length: number): Buffer => Buffer.alloc(length, 'text\r\n');
    const whole = lines(6 * 40_000);
    assert.equal(hasBareNewline(whole, LF), false);
    for (const at of [seam - 1, seam, seam + 1, 3 * seam, whole.length - 1]) {
      const broken = Buffer.from(whole);
      // In place of half a line end it leaves the other half alone.
      broken[at] = broken[at] === LF || broken[at] === CR ? 120 : LF;
      assert.equal(hasBareNewline(broken, LF), true, `at ${at}`);
    }
  });

  it('leaves the chunk as it is', () => {
    const octets = Buffer.from('a\r\nb\n'.repeat(20));
    const copy = Buffer.from(octets);
    hasBareNewline(octets, CR);
    assert.deepEqual(octets, copy);
  });
});
