import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createHmacSha256, createJournalIds } from './journal-id.ts';

const ids = createJournalIds(Buffer.alloc(32, 1));
const others = createJournalIds(Buffer.alloc(32, 2));

describe('a journal id', () => {
  it('is never made twice', () => {
    assert.equal(new Set(Array.from({ length: 1000 }, () => ids.create())).size, 1000);
  });

  it('is known as ours by whoever holds the secret, and by nobody else', () => {
    const id = ids.create();
    assert.equal(createJournalIds(Buffer.alloc(32, 1)).isOurs(id), true);
    assert.equal(others.isOurs(id), false);
  });

  const id = ids.create();
  const forgeries: readonly [name: string, text: string][] = [
    ['nothing', ''],
    ['a dash', '-'],
    ['another random part', `${'0'.repeat(24)}${id.slice(24)}`],
    ['another signature', `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`],
    ['no signature', id.slice(0, 24)],
    ['a signature cut short', id.slice(0, -1)],
    ['something behind it', `${id}-x`],
    ['something before it', `x${id}`],
    ['a line end behind it', `${id}\n`],
    ['capital letters', id.toUpperCase()],
    // As long as a signature in characters, longer in octets.
    ['letters outside ASCII', `${id.slice(0, 25)}${'é'.repeat(24)}`],
  ];
  for (const [name, text] of forgeries) {
    it(`with ${name} is not ours`, () => assert.equal(ids.isOurs(text), false));
  }
});

describe('the signature', () => {
  it('is the HMAC of the library, for keys of up to a block and any text', () => {
    const key = fc.uint8Array({ maxLength: 64 }).map((octets) => Buffer.from(octets));
    fc.assert(
      fc.property(key, fc.string({ unit: 'binary' }), (secret, text) => {
        assert.equal(createHmacSha256(secret)(text), createHmac('sha256', secret).update(text).digest('hex'));
      }),
    );
  });
});

describe('a journal id in a text', () => {
  it('is found anywhere, behind ids that only look like one', () => {
    const id = ids.create();
    const text = `X-Journal-Id: ${others.create()}\r\n <${'0'.repeat(24)}-${'1'.repeat(24)}> <${id}@example.com>`;
    assert.equal(ids.findOurs(text), id);
  });

  it('is not found where there is none, or only another one', () => {
    assert.equal(ids.findOurs(''), undefined);
    assert.equal(ids.findOurs(`é ${others.create()} ${ids.create().slice(1)}`), undefined);
  });
});
