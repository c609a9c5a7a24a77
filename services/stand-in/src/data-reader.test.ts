import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dataBlock } from '../../../test/support/smtp-sender.ts';
import { createDataReader } from './data-reader.ts';

const BODIES = [
  '',
  '.\r\n',
  '..\r\n',
  '.x\r\n',
  'x\r\n',
  '\r\n',
  '\r\n.\r\n',
  'a\r\n..\r\n.b\r\n',
  'bare\n.\nline\r\n',
  '\r.\r\n',
];

describe('reading a message behind DATA', () => {
  for (const body of BODIES) {
    it(`${JSON.stringify(body)}, cut anywhere`, () => {
      const wire = Buffer.concat([dataBlock(Buffer.from(body)), Buffer.from('NEXT')]);
      for (let cut = 0; cut <= wire.length; cut += 1) {
        const reader = createDataReader();
        const [head, tail] = [wire.subarray(0, cut), wire.subarray(cut)];
        const first = reader.add(head);
        const ended = first ?? reader.add(tail);
        assert.equal(ended?.message.toString(), body, `cut at ${cut}`);
        const behind = first === undefined ? [] : [tail];
        assert.equal(Buffer.concat([ended?.rest ?? Buffer.alloc(0), ...behind]).toString(), 'NEXT');
      }
    });
  }

  const LIMITS: readonly (readonly [body: string, limit: number, taken: boolean])[] = [
    ['12345678\r\n', 10, true],
    ['12345678\r\n', 9, false],
    ['.\r\n.\r\n.\r\n', 9, true],
    ['.\r\n.\r\n.\r\n', 8, false],
    [`${'x'.repeat(1000)}\r\n`, 10, false],
  ];
  for (const [body, limit, taken] of LIMITS) {
    it(`${body.length} octets are ${taken ? 'taken' : 'too many'} where ${limit} are allowed`, () => {
      const reader = createDataReader(limit);
      let ended: ReturnType<typeof reader.add>;
      const wire = Buffer.concat([dataBlock(Buffer.from(body)), Buffer.from('NEXT')]);
      for (let at = 0; ended === undefined && at < wire.length; at += 4) {
        ended = reader.add(wire.subarray(at, at + 4));
      }
      assert.equal(ended?.message.toString(), taken ? body : 'too-large');
      assert.equal('NEXT'.startsWith(ended?.rest.toString() ?? '?'), true);
    });
  }
});
