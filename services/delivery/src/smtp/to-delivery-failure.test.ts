import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FailurePhase, type SmtpClientError, toDeliveryFailure } from './to-delivery-failure.ts';

/** As the library reports it, by situation, and what it is: `kind/reason`, or `smtp-reply/stage/code`. */
const TABLE: readonly (readonly [
  situation: string,
  error: Omit<SmtpClientError, 'message'>,
  phase: FailurePhase,
  failure: string,
])[] = [
  [
    'STARTTLS answered 454',
    { code: 'ETLS', responseCode: 454, response: '454 4.7.0 no', command: 'STARTTLS' },
    'securing',
    'tls/refused',
  ],
  [
    'STARTTLS answered 502',
    { code: 'ETLS', responseCode: 502, response: '502 what', command: 'STARTTLS' },
    'securing',
    'tls/not-offered',
  ],
  [
    'a self-signed certificate',
    { code: 'ESOCKET', originalCode: 'DEPTH_ZERO_SELF_SIGNED_CERT', command: 'CONN' },
    'securing',
    'tls/certificate',
  ],
  [
    'an expired certificate',
    { code: 'ESOCKET', originalCode: 'CERT_HAS_EXPIRED', command: 'CONN' },
    'securing',
    'tls/certificate',
  ],
  [
    'a certificate for another name',
    { code: 'ESOCKET', originalCode: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    'securing',
    'tls/certificate',
  ],
  [
    'an unknown authority',
    { code: 'ESOCKET', originalCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
    'securing',
    'tls/certificate',
  ],
  [
    'no protocol in common',
    { code: 'ESOCKET', originalCode: 'ERR_SSL_UNSUPPORTED_PROTOCOL' },
    'securing',
    'tls/protocol',
  ],
  [
    'garbage for a handshake',
    { code: 'ESOCKET', originalCode: 'ERR_SSL_WRONG_VERSION_NUMBER' },
    'securing',
    'tls/protocol',
  ],
  [
    'a client certificate demanded, seen behind the handshake',
    { code: 'ESOCKET', originalCode: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' },
    'setup',
    'tls/protocol',
  ],
  ['a reset in the handshake', { code: 'ESOCKET', originalCode: 'ECONNRESET' }, 'securing', 'tls/handshake'],
  ['the connection closed in the handshake', { code: 'ETLS' }, 'securing', 'tls/handshake'],
  ['a handshake that hangs', { code: 'ETIMEDOUT' }, 'securing', 'tls/timeout'],
  ['refused', { code: 'ESOCKET', originalCode: 'ECONNREFUSED' }, 'setup', 'network/refused'],
  ['a reset before the banner', { code: 'ESOCKET', originalCode: 'ECONNRESET' }, 'setup', 'network/reset'],
  ['no route', { code: 'ESOCKET', originalCode: 'EHOSTUNREACH' }, 'setup', 'network/unreachable'],
  ['no banner', { code: 'ETIMEDOUT' }, 'setup', 'network/timeout'],
  ['a silent close before the banner', { code: 'ECONNECTION' }, 'setup', 'network/closed'],
  [
    'a 554 banner',
    { code: 'EPROTOCOL', responseCode: 554, response: '554 5.3.2 no' },
    'setup',
    'smtp-reply/banner/554',
  ],
  [
    'a 421 banner',
    { code: 'EPROTOCOL', responseCode: 421, response: '421 4.7.0 busy' },
    'setup',
    'smtp-reply/banner/421',
  ],
  [
    'EHLO refused',
    { code: 'EPROTOCOL', responseCode: 550, response: '550 no', command: 'EHLO' },
    'setup',
    'smtp-reply/ehlo/550',
  ],
  ['STARTTLS that is not answered', { code: 'ETIMEDOUT', command: 'CONN' }, 'securing', 'tls/timeout'],
  ['the connection closed behind STARTTLS', { code: 'ECONNECTION' }, 'securing', 'tls/handshake'],
  ['a connection that is not encrypted', { code: 'ETLS' }, 'setup', 'tls/handshake'],
  ['a time-out before STARTTLS', { code: 'ETIMEDOUT', command: 'CONN' }, 'setup', 'network/timeout'],
];

function nameOf(failure: ReturnType<typeof toDeliveryFailure>): string {
  if (failure.kind === 'smtp-reply') return `smtp-reply/${failure.stage}/${failure.reply.code}`;
  return failure.kind === 'tls' || failure.kind === 'network' || failure.kind === 'unconveyable'
    ? `${failure.kind}/${failure.reason}`
    : failure.kind;
}

describe('an error of the SMTP client', () => {
  for (const [situation, error, phase, failure] of TABLE) {
    it(`${situation} is ${failure}`, () => {
      assert.equal(nameOf(toDeliveryFailure({ message: situation, ...error }, phase)), failure);
    });
  }
});
