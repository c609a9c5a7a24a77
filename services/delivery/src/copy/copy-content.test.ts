import assert from 'node:assert/strict';
import { isAscii } from 'node:buffer';
import { describe, it } from 'node:test';
import type { JournalCopy } from '@tdc/core';
import fc from 'fast-check';
import { sampleCopy } from '../../../../test/support/sample-copy.ts';
import type { MessageContent } from '../smtp/outbound-connection.ts';
import { base64Lines, base64Size } from './base64-lines.ts';
import { buildCopy, buildStreamedCopy } from './copy-content.ts';

const copyOf = (octets: Buffer, change: Partial<JournalCopy> = {}): JournalCopy =>
  sampleCopy(17, { sizeBytes: octets.length, eightBit: true, ...change });

async function* pieces(octets: Buffer, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}

async function collect(source: MessageContent): Promise<Buffer> {
  if (source instanceof Uint8Array) return Buffer.from(source);
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a copy', () => {
  const octets = fc.uint8Array({ maxLength: 3000 }).map((array) => Buffer.from(array));
  const size = fc.integer({ min: 1, max: 500 });

  it('has the size that it says, and holds the original octet for octet, in whatever pieces it comes', async () => {
    await fc.assert(
      fc.asyncProperty(octets, size, async (original, pieceSize) => {
        const content = await buildStreamedCopy(copyOf(original), pieces(original, pieceSize), 0);
        const whole = await collect(content.octets);
        assert.equal(whole.length, content.sizeBytes);
        assert.ok(whole.includes(original));
      }),
    );
  });

  it('is the same whether its original is at hand or comes in pieces', async () => {
    const format = fc.constantFrom('journal' as const, 'bcc' as const);
    const bareNewlines = fc.constantFrom('none' as const, 'wrap' as const, 'note' as const);
    await fc.assert(
      fc.asyncProperty(octets, size, format, bareNewlines, async (original, pieceSize, form, handling) => {
        const journal = copyOf(original, { bareNewlines: handling });
        const copy = { ...journal, route: { ...journal.route, format: form } };
        const atHand = buildCopy(copy, original, 0);
        const streamed = await buildStreamedCopy(copy, pieces(original, Math.max(pieceSize, 300)), 0);
        assert.deepEqual(
          { ...atHand, octets: await collect(atHand.octets) },
          { ...streamed, octets: await collect(streamed.octets) },
        );
      }),
    );
  });

  it('in bcc form is the original behind its fields', async () => {
    const original = Buffer.from('Subject: x\r\n\r\nText\r\n');
    const copy = copyOf(original);
    const content = buildCopy({ ...copy, route: { ...copy.route, format: 'bcc' } }, original, 0);
    const whole = await collect(content.octets);
    assert.equal(whole.length, content.sizeBytes);
    assert.ok(whole.subarray(-original.length).equals(original));
  });

  it('in bcc form is 8-bit when a prepended address is', async () => {
    const copy = copyOf(Buffer.from('Subject: x\r\n\r\nText\r\n'), {
      eightBit: false,
      sender: 'j\u00f6rg@example.org',
    });
    const bcc = { ...copy, route: { ...copy.route, format: 'bcc' as const } };
    assert.equal(buildCopy(bcc, Buffer.alloc(0), 0).eightBit, true);
    assert.equal(buildCopy({ ...bcc, sender: 'joe@example.org' }, Buffer.alloc(0), 0).eightBit, false);
  });

  it("is 8-bit where an octet of it is, be it its own or the original's", async () => {
    const text = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }));
    const format = fc.constantFrom('journal' as const, 'bcc' as const);
    await fc.assert(
      fc.asyncProperty(text, text, fc.array(text), format, async (body, sender, recipients, form) => {
        const original = Buffer.from(`${body.replace(/[\r\n]/g, ' ')}\r\n`);
        const copy = copyOf(original, { eightBit: !isAscii(original), sender, recipients });
        const content = buildCopy({ ...copy, route: { ...copy.route, format: form } }, original, 0);
        assert.equal(content.eightBit, !isAscii(await collect(content.octets)));
      }),
    );
  });

  it('takes its subject from the original', async () => {
    const original = Buffer.from('Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nText\r\n');
    const whole = await collect(buildCopy(copyOf(original), original, 0).octets);
    assert.match(whole.toString('latin1'), /^Subject: Gr=C3=BC=C3=9Fe\r$/m);
  });

  const HANDLINGS: readonly (readonly [
    JournalCopy['bareNewlines'],
    JournalCopy['route']['format'],
    boolean,
  ])[] = [
    ['none', 'journal', false],
    ['none', 'bcc', false],
    ['note', 'journal', true],
    ['note', 'bcc', true],
    ['wrap', 'journal', false],
    ['wrap', 'bcc', true],
  ];
  for (const [bareNewlines, format, holds] of HANDLINGS) {
    it(`in ${format} form, where bare newlines are ${bareNewlines}, ${holds ? 'may hold' : 'holds none of'} them`, () => {
      const original = Buffer.from(bareNewlines === 'none' ? 'a\r\nb' : 'a\nb');
      const copy = copyOf(original, { bareNewlines });
      const content = buildCopy({ ...copy, route: { ...copy.route, format } }, original, 0);
      assert.equal(content.hasBareNewlines, holds);
    });
  }

  it('ends every line of its own in CRLF, whatever it tells of', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    const format = fc.constantFrom('journal' as const, 'bcc' as const);
    await fc.assert(
      fc.asyncProperty(text, fc.array(text, { maxLength: 4 }), format, async (said, recipients, form) => {
        const original = Buffer.from(`Subject: ${said.replace(/\r\n|\r|\n/g, '\r\n')}\r\n\r\n`);
        const told = { sender: said, recipients, messageIdHeader: said, clientAddress: said };
        const copy = copyOf(original, told);
        const { octets } = buildCopy({ ...copy, route: { ...copy.route, format: form } }, original, 0);
        assert.match((await collect(octets)).toString('latin1'), /^(?:\r\n|[^\r\n])*$/);
      }),
    );
  });

  it('that is wrapped is 7-bit', async () => {
    const original = Buffer.from('bare\nnewline \u00fc');
    const content = buildCopy(copyOf(original, { bareNewlines: 'wrap' }), original, 0);
    const whole = await collect(content.octets);
    assert.equal(content.eightBit, false);
    assert.equal(whole.length, content.sizeBytes);
    assert.ok(whole.every((octet) => octet < 128));
    assert.ok(whole.toString('latin1').includes(original.toString('base64')));
  });
});

describe('base64 lines', () => {
  it('are those of the whole, in whatever pieces it comes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 2000 }),
        fc.integer({ min: 1, max: 300 }),
        async (array, size) => {
          const octets = Buffer.from(array);
          const text = (await collect(base64Lines(pieces(octets, size)))).toString();
          assert.equal(Buffer.from(text, 'base64').compare(octets), 0);
          assert.equal(text.length, base64Size(octets.length));
          for (const line of text.split('\r\n')) assert.ok(line.length <= 76);
        },
      ),
    );
  });
});
