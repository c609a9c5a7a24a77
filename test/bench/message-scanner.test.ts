import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMessageScanner, markLine, messageId, readMark } from './message-scanner.ts';

const HEAD = `${markLine('r1', 7, 123456789012345678n)}Message-ID: ${messageId('r1', 7)}\r\n\r\n`;

const MESSAGES: readonly (readonly [name: string, wire: string])[] = [
  ['a plain message', `${HEAD}text\r\n.\r\n`],
  ['an empty message', '.\r\n'],
  ['dots that are stuffed', `${HEAD}..\r\n...\r\n.\r\n`],
  ['near misses of the end', `${HEAD}a\r\n.\rb\r\n\r\n.x\r\r\n.\r\n`],
  ['line feeds alone', `${HEAD}a\n.\nb\n.\r\nc\r\n.\r\n`],
];

describe('the end of a message is found', () => {
  for (const [name, wire] of MESSAGES) {
    it(`in ${name}, cut in two at every octet`, () => {
      const message = Buffer.from(wire);
      const octets = Buffer.concat([message, Buffer.from('MAIL FROM:<>\r\n')]);
      for (let cut = 0; cut <= octets.length; cut += 1) {
        const scanner = createMessageScanner();
        const first = scanner.take(octets.subarray(0, cut));
        const end = first ?? cut + (scanner.take(octets.subarray(cut)) ?? Number.NaN);
        assert.equal(end, message.length, `cut at ${cut}`);
        assert.equal(scanner.octets(), message.length, `cut at ${cut}`);
        assert.equal(scanner.head(), wire, `cut at ${cut}`);
      }
    });

    it(`in ${name}, in pieces of every size`, () => {
      const message = Buffer.from(wire);
      for (let size = 1; size <= message.length; size += 1) {
        const scanner = createMessageScanner();
        let end: number | undefined;
        for (let at = 0; at < message.length; at += size) {
          assert.equal(end, undefined, `too early in pieces of ${size}`);
          end = scanner.take(message.subarray(at, at + size));
        }
        assert.equal(scanner.octets(), message.length, `in pieces of ${size}`);
        assert.notEqual(end, undefined, `in pieces of ${size}`);
      }
    });
  }
});

describe('the mark of a message', () => {
  it('is found where the copy holds the original', () => {
    const copy = `From: <>\r\nMessage-ID: <other@setd.example>\r\n\r\nSender: a\r\nMessage-Id: ${messageId('r1', 7)}\r\n\r\n${HEAD}`;
    assert.deepEqual(readMark(copy), { run: 'r1', sequence: 7, sentNanoseconds: 123456789012345678n });
  });
  it('is none when its Message-ID is another message’s', () => {
    assert.equal(readMark(HEAD.replace('<7.', '<8.')), undefined);
  });
  it('is none in mail of others', () => assert.equal(readMark('Subject: x\r\n\r\n'), undefined));
});
