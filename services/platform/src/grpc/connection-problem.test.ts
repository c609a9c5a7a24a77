import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectionCause, securityProblem } from './connection-problem.ts';

const ACCOUNT = 'round_robin: No connection established. Last error: No connection established. Last error: ';

const FOREIGN = 'its certificate is not from the authority in TDC_GRPC_TLS_CA_FILE';
const CLOSED =
  'it closed the connection: it may refuse our certificate (TDC_GRPC_TLS_CERT_FILE), or be stopping';
const NO_TLS = 'it closed the connection: it may want TLS (TDC_GRPC_TLS_CERT_FILE), or be stopping';

/** Last errors as the library and OpenSSL word them, over TLS. */
const overTls: readonly [string, string | undefined][] = [
  ['Error: certificate has expired', 'its certificate has expired'],
  ['Error: certificate is not yet valid', 'its certificate is not valid yet'],
  ['Error: certificate signature failure', FOREIGN],
  ['Error: self-signed certificate in certificate chain', FOREIGN],
  ['Error: unable to get local issuer certificate', FOREIGN],
  ['Error: unable to verify the first certificate', FOREIGN],
  [
    "Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: Host: localhost. is not in the cert's altnames: DNS:policy.example",
    'its certificate is for another name',
  ],
  ['Error: unsupported certificate purpose', 'its certificate is not for a server'],
  [
    'Error: 40FD:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../tlsany_meth.c:77:\n',
    'it does not speak TLS',
  ],
  [
    '40FD:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../rec_layer_s3.c:918:SSL alert number 116\n (2026-11-25T09:48:26.161Z)',
    'it refuses our certificate',
  ],
  [
    'Error: 40FD:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:../rec_layer_s3.c:918:SSL alert number 40',
    'the TLS handshake failed',
  ],
  ['Failed to connect (2026-11-25T09:48:26.171Z)', CLOSED],
  ['Error: read ECONNRESET', CLOSED],
  ['Error: connect ECONNREFUSED 127.0.0.1:50051', undefined],
];

describe('why a service cannot be spoken to', () => {
  for (const [error, problem] of overTls) {
    it(`${error.slice(0, 60)}: ${problem ?? 'nobody is there'}`, () => {
      assert.equal(securityProblem(`${ACCOUNT}${error}. Resolution note: `, true), problem);
      assert.equal(
        securityProblem(`14 UNAVAILABLE: ${ACCOUNT}${error}. Resolution note: `, true),
        problem,
        'as an error says it',
      );
    });
  }

  it('is told in one line, without the words around it', () => {
    const details = `14 UNAVAILABLE: ${ACCOUNT}Error: 40FD:wrong version number:../tlsany_meth.c:77:\n. Resolution note: `;
    assert.equal(connectionCause(details), 'Error: 40FD:wrong version number:../tlsany_meth.c:77:');
    assert.equal(connectionCause('the stream ended'), 'the stream ended');
  });

  it('in plaintext, a connection that is closed at once: TLS may be wanted', () => {
    const details = `${ACCOUNT}Failed to connect (2026-11-25T09:48:26.262Z). Resolution note: `;
    assert.equal(securityProblem(details, false), NO_TLS);
  });

  for (const details of ['Connection dropped', '14 UNAVAILABLE: Connection dropped', 'the stream ended'])
    it(`'${details}' is no such reason`, () => assert.equal(securityProblem(details, true), undefined));
});
