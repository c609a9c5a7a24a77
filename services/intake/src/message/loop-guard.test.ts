import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PolicyDocument, parseHeaderFields, parsePolicyDocument } from '@tdc/core';
import { createJournalIds } from '@tdc/platform';
import { findLoop } from './loop-guard.ts';

const ids = createJournalIds(Buffer.from('a key of ours'));
const others = createJournalIds(Buffer.from('a key of somebody else'));

function documentOf(): PolicyDocument {
  const parsed = parsePolicyDocument({
    version: 1,
    intakes: { primary: { address: 'Journal@setd.example' }, other: { address: 'x@bücher.example' } },
  });
  assert.ok(parsed.kind === 'valid');
  return parsed.document;
}

const find = (message: { header?: string; body?: string; sender?: string; recipients?: readonly string[] }) =>
  findLoop(
    {
      sender: message.sender ?? 'a@example.org',
      recipients: message.recipients ?? ['joe@example.com'],
      fields: parseHeaderFields(Buffer.from(`${message.header ?? ''}\r\n`)).fields,
      bodyStart: Buffer.from(message.body ?? ''),
    },
    documentOf(),
    ids,
  );

const NOTHING = { loop: false, bounceOfCopy: false };
const LOOP = { loop: true, bounceOfCopy: false };
const BOUNCE = { loop: false, bounceOfCopy: true };
const REPORT = 'Content-Type: Multipart/Report; report-type=delivery-status\r\n';

describe('a message', () => {
  it('of somebody else is no loop', () => assert.deepEqual(find({ body: 'Text\r\n' }), NOTHING));

  it('with an id that we signed is our own copy, come back', () => {
    assert.deepEqual(find({ header: `X-TDC-Journal-ID: ${ids.create()}\r\n` }), LOOP);
  });

  it('with an id that we signed below a forged one is still our own copy', () => {
    const header = `X-TDC-Journal-ID: ${others.create()}\r\nx-tdc-journal-id: ${ids.create()}\r\n`;
    assert.deepEqual(find({ header }), LOOP);
  });

  it('with a forged id is not kept from being copied', () => {
    const flipped = ids.create().replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    for (const id of [others.create(), flipped, 'x', '', `${'0'.repeat(24)}-${'0'.repeat(24)}`])
      assert.deepEqual(find({ header: `X-TDC-Journal-ID: ${id}\r\n` }), NOTHING);
  });

  for (const recipient of ['journal@setd.example', 'JOURNAL@SETD.EXAMPLE', 'x@xn--bcher-kva.example'])
    it(`to the intake address ${recipient} is a loop`, () => {
      assert.deepEqual(find({ recipients: ['joe@example.com', recipient] }), LOOP);
    });

  it('to another address of the intake’s domain is none', () => {
    assert.deepEqual(find({ recipients: ['postmaster@setd.example'] }), NOTHING);
  });
});

describe('a bounce', () => {
  it('from the null sender that returns a copy of ours is never copied', () => {
    assert.deepEqual(find({ sender: '', body: `> X-TDC-Journal-ID: ${ids.create()}\r\n` }), BOUNCE);
  });

  it('that says by its type that it is one is never copied either', () => {
    assert.deepEqual(find({ header: REPORT, body: `X-TDC-Journal-ID: ${ids.create()}\r\n` }), BOUNCE);
  });

  it('of any other message is copied', () => {
    assert.deepEqual(find({ sender: '', header: REPORT, body: 'Message-ID: <x@example.org>\r\n' }), NOTHING);
  });

  it('with a forged id is copied', () => {
    assert.deepEqual(find({ sender: '', body: `X-TDC-Journal-ID: ${others.create()}\r\n` }), NOTHING);
  });

  it('is no bounce when somebody merely quotes an id of ours', () => {
    assert.deepEqual(find({ body: `X-TDC-Journal-ID: ${ids.create()}\r\n` }), NOTHING);
  });
});
