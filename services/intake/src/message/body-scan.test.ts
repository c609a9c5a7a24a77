import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBodyScan, createPieces } from './body-scan.ts';

/** The text as octets, in every way to cut it into two or three chunks, and octet by octet. */
function* cuts(text: string): Generator<readonly Buffer[]> {
  const octets = Buffer.from(text, 'latin1');
  yield [octets];
  yield [...octets].map((octet) => Buffer.from([octet]));
  for (let one = 0; one <= octets.length; one += 1) {
    for (let two = one; two <= octets.length; two += 1)
      yield [octets.subarray(0, one), octets.subarray(one, two), octets.subarray(two)];
  }
}

function scanOf(chunks: Iterable<Uint8Array>) {
  const scan = createBodyScan();
  for (const chunk of chunks) scan.add(chunk);
  return scan;
}

describe('CR and LF outside CRLF are found, however the octets are cut', () => {
  const CASES: readonly (readonly [text: string, bare: boolean])[] = [
    ['', false],
    ['one\r\ntwo\r\n', false],
    ['\r\n\r\n', false],
    ['no line end', false],
    ['one\ntwo\r\n', true],
    ['one\rtwo\r\n', true],
    ['one\r\n\ntwo\r\n', true],
    ['one\r\r\n', true],
    ['\none\r\n', true],
    ['\rone\r\n', true],
    ['one\r\n.\r', true],
    ['one\r\n.\n', true],
    ['one\n\r\n', true],
  ];
  for (const [text, bare] of CASES) {
    it(`${JSON.stringify(text)}: ${bare ? 'yes' : 'no'}`, () => {
      for (const chunks of cuts(text))
        assert.equal(scanOf(chunks).hasBareNewlines(), bare, JSON.stringify(chunks));
    });
  }
});

describe('a scan', () => {
  it('knows octets above 127 from others, NUL included', () => {
    assert.equal(scanOf([Buffer.from('a\0\u007f', 'latin1')]).isEightBit(), false);
    assert.equal(scanOf([Buffer.from('abc'), Buffer.from([128])]).isEightBit(), true);
    assert.equal(scanOf([Buffer.from([255]), Buffer.from('abc')]).isEightBit(), true);
  });

  it('keeps the beginning of a message, and no more', () => {
    const chunk = Buffer.alloc(100_000, 'x');
    const scan = scanOf([Buffer.from('From: a'), ...Array.from({ length: 50 }, () => chunk)]);
    assert.equal(scan.head().length, 320 * 1024);
    assert.equal(Buffer.from(scan.head()).toString('latin1', 0, 8), 'From: ax');
  });
});

describe('octets in pieces', () => {
  const sizesOf = (chunks: readonly Buffer[]): number[] => {
    const pieces = createPieces();
    const all = chunks.flatMap((chunk) => pieces.add(chunk).map((piece) => Buffer.from(piece)));
    const rest = pieces.rest();
    if (rest !== undefined) all.push(Buffer.from(rest));
    assert.equal(pieces.rest(), undefined);
    assert.ok(Buffer.concat(all).equals(Buffer.concat(chunks)));
    return all.map(({ length }) => length);
  };

  it('are the same octets, in few pieces, where they come one by one', () => {
    const single = Array.from({ length: 40_000 }, (_, n) => Buffer.from([n & 255]));
    assert.deepEqual(sizesOf(single), [16_384, 16_384, 7232]);
  });

  it('are left as they are where they come in large chunks', () => {
    const large = [Buffer.alloc(65_536, 'a'), Buffer.alloc(20_000, 'b')];
    assert.deepEqual(sizesOf(large), [65_536, 20_000]);
  });

  it('stay in order where small chunks and large ones alternate', () => {
    const mixed = [3, 70_000, 1, 16_383, 1, 16_384, 5].map((size, n) => Buffer.alloc(size, n));
    assert.deepEqual(sizesOf(mixed), [3, 70_000, 16_384, 1, 16_384, 5]);
  });

  it('are none where there are none', () => {
    assert.deepEqual(sizesOf([]), []);
    assert.deepEqual(sizesOf([Buffer.alloc(0)]), []);
  });
});
