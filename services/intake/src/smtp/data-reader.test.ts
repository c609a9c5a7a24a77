import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DataReader } from './data-reader.ts';

/** What a message is, octet by octet, and nothing else in mind. */
function plainRead(wire: string): { readonly content: string; readonly rest: string | undefined } {
  let content = '';
  for (let at = 0; at < wire.length; at += 1) {
    const isLineStart = at === 0 || wire.slice(at - 2, at) === '\r\n';
    if (isLineStart && wire.startsWith('.\r\n', at)) return { content, rest: wire.slice(at + 3) };
    if (isLineStart && wire.startsWith('..', at)) at += 1;
    content += wire[at];
  }
  return { content, rest: undefined };
}

function readPackets(packets: readonly string[]) {
  const reader = new DataReader();
  let content = '';
  for (const [index, packet] of packets.entries()) {
    const read = reader.read(Buffer.from(packet, 'latin1'));
    content += read.content.toString('latin1');
    if (read.rest === undefined) continue;
    return { content, rest: read.rest.toString('latin1') + packets.slice(index + 1).join('') };
  }
  return { content, rest: undefined };
}

/** The text in every way to cut it in two or three, and octet by octet. */
function* cuts(text: string): Generator<readonly string[]> {
  yield [text];
  yield [...text];
  for (let one = 0; one <= text.length; one += 1) {
    for (let two = one; two <= text.length; two += 1)
      yield [text.slice(0, one), text.slice(one, two), text.slice(two)];
  }
}

const CASES: readonly (readonly [name: string, wire: string, content: string])[] = [
  ['nothing at all', '.\r\n', ''],
  ['an empty line', '\r\n.\r\n', '\r\n'],
  ['a dot, stuffed, first of all', '..\r\n.\r\n', '.\r\n'],
  ['a dot, stuffed, on every line', '..\r\n...\r\n..x\r\n.\r\n', '.\r\n..\r\n.x\r\n'],
  ['a dot before text, which nobody stuffed', '.x\r\n.\r\n', '.x\r\n'],
  ['a dot and CR', '.\r\r\n.\r\n', '.\r\r\n'],
  ['a dot and CR within a line', 'a\r\n.\rb\r\n.\r\n', 'a\r\n.\rb\r\n'],
  ['a dot and LF', 'a\r\n.\n.\r\n\r\n.\r\n', 'a\r\n.\n.\r\n\r\n'],
  ['two dots behind a bare LF, which begins no line', 'a\n..b\r\n.\r\n', 'a\n..b\r\n'],
  ['a final dot behind a bare LF, which begins no line', 'a\n.\r\n.\r\n', 'a\n.\r\n'],
  ['a final dot behind a bare CR, which begins no line', 'a\r.\r\n.\r\n', 'a\r.\r\n'],
  ['CR CR LF, of which the last two end the line', 'a\r\r\n..\r\n.\r\n', 'a\r\r\n.\r\n'],
];

describe('the octets of a message', () => {
  for (const [name, wire, content] of CASES) {
    it(`are kept, however they are cut: ${name}`, () => {
      for (const packets of cuts(`${wire}MAIL\r\n.\r\n`))
        assert.deepEqual(readPackets(packets), { content, rest: 'MAIL\r\n.\r\n' }, JSON.stringify(packets));
    });
  }

  it('are what a plain reader finds, whatever they are and however they are cut', () => {
    const octets = fc.string({
      unit: fc.constantFrom('\r\n', '\r\n.', '\r', '\n', '.', '..', 'x', '\0', '\u00ff'),
      maxLength: 40,
    });
    const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1 });
    const property = fc.property(octets, lengths, (wire, sizes) => {
      const packets: string[] = [];
      for (let at = 0, n = 0; at < wire.length; n += 1) {
        const size = sizes[n % sizes.length] ?? 1;
        packets.push(wire.slice(at, at + size));
        at += size;
      }
      const found = readPackets(packets);
      const plain = plainRead(wire);
      // A line of which the end has not come is not handed on yet.
      const held = plain.rest === undefined && /(?:^|\r\n)(\.\r?)$/.exec(wire)?.[1];
      assert.deepEqual(found, {
        ...plain,
        content: plain.content.slice(0, plain.content.length - (held || '').length),
      });
    });
    fc.assert(property, { numRuns: 5000 });
  });

  it('are not copied where no dot was stuffed', () => {
    const packet = Buffer.from('one\r\n.two\r\n.\r\nNOOP\r\n');
    const { content, rest } = new DataReader().read(packet);
    assert.equal(content.buffer, packet.buffer);
    assert.equal(content.byteOffset, packet.byteOffset);
    assert.equal(rest?.buffer, packet.buffer);
  });
});
