import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatReply, parseReply, type SmtpReply } from './smtp-reply.ts';

const CASES: readonly (readonly [wire: string, reply: SmtpReply])[] = [
  ['250 Ok', { code: 250, text: 'Ok' }],
  ['250', { code: 250, text: '' }],
  ['550 5.1.1 No such user', { code: 550, enhanced: '5.1.1', text: 'No such user' }],
  ['550-5.1.1 No such\r\n550 5.1.1 user', { code: 550, enhanced: '5.1.1', text: 'No such user' }],
  ['421-4.7.0 Bye\n421 now', { code: 421, enhanced: '4.7.0', text: 'Bye now' }],
  ['552 5.2.2', { code: 552, enhanced: '5.2.2', text: '' }],
  ['550-5.7.1 a\n550 5.0.0 b', { code: 550, enhanced: '5.7.1', text: 'a b' }],
  ['250-a\r\n250-\r\n250 b\r\n', { code: 250, text: 'a b' }],
  ['550-a\nb\n550 c', { code: 550, text: 'a b c' }],
  ['220 1.2.3 ESMTP', { code: 220, text: '1.2.3 ESMTP' }],
  ['550 5.1.1.7 blocked', { code: 550, text: '5.1.1.7 blocked' }],
  ['550 a\u2028b', { code: 550, text: 'a\u2028b' }],
  ['550 a\rb', { code: 550, text: 'a\rb' }],
  ['550  5.1.1 a ', { code: 550, text: '5.1.1 a' }],
  ['550 5.1.1  a ', { code: 550, enhanced: '5.1.1', text: 'a' }],
  ['5500 x', { code: 0, text: '5500 x' }],
  [' not a reply ', { code: 0, text: 'not a reply' }],
  ['not a reply', { code: 0, text: 'not a reply' }],
  ['', { code: 0, text: '' }],
];

describe('an SMTP reply', () => {
  for (const [wire, reply] of CASES) {
    it(`reads ${JSON.stringify(wire)}`, () => assert.deepEqual(parseReply(wire), reply));
  }

  it('is written on one line', () => {
    assert.equal(
      formatReply({ code: 550, enhanced: '5.1.1', text: 'No such user' }),
      '550 5.1.1 No such user',
    );
    assert.equal(formatReply({ code: 250, text: '' }), '250');
    assert.equal(formatReply({ code: 0, text: 'junk' }), '000 junk');
  });

  it('is read again as it was written', () => {
    const code = fc.integer({ min: 200, max: 599 });
    const words = fc.stringMatching(/^([a-z]{1,9}( [a-z]{1,9}){0,9})?$/);
    const status = fc.constantFrom('2.0.0', '4.7.1', '5.1.10');
    const replies = fc.record(
      { code, enhanced: status, text: words },
      { requiredKeys: ['code', 'text'], noNullPrototype: true },
    );
    fc.assert(fc.property(replies, (reply) => assert.deepEqual(parseReply(formatReply(reply)), reply)));
  });

  it('may be any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseReply(text)));
  });
});
