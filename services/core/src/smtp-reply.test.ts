import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatReply, parseReply, type SmtpReply } from './smtp-reply.ts';

const CASES: readonly (readonly [wire: string, reply: SmtpReply])[] = [
  ['250 Ok', { code: 250, text: 'Ok' }],
  ['250', { code: 250, text: '' }],
  ['550 5.1.1 No such user', { code: 550, enhanced: '5.1.1', text: 'No such user' }],
  ['550-5.1.1 No such\r\n550 5.1.1 user', { code: 550, enhanced: '5.1.1', text: 'No such user' }],
  ['421-4.7.0 Bye\n421 now', { code: 421, enhanced: '4.7.0', text: 'Bye now' }],
  ['552 5.2.2', { code: 552, enhanced: '5.2.2', text: '' }],
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
  });
});
