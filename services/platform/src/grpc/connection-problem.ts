/**
 * The only place that reads the library's account of a connection that did not come about: it has one status for all of
 * them, and the cause stands in the middle of a sentence.
 */

/** `round_robin: No connection established. Last error: … Resolution note: …`, which may be nested. */
const ACCOUNT = /^(?:14 UNAVAILABLE: )?(?:\w+: )?(?:No connection established\. Last error: )+/;

const NOTE = /\.?\s*Resolution note:[\s\S]*$/;

/** What the connection failed of, in one line; all the words where they are of something else. */
export function connectionCause(details: string): string {
  const account = ACCOUNT.exec(details);
  if (account === null) return details;
  return details.slice(account[0].length).replace(NOTE, '').replace(/\s+/g, ' ').trim();
}

/** What TLS says when the service cannot be verified or turns us away, and what is meant by it. */
const MEANINGS: readonly (readonly [said: RegExp, meant: string])[] = [
  [/certificate has expired/, 'its certificate has expired'],
  [/certificate is not yet valid/, 'its certificate is not valid yet'],
  [/does not match certificate's altnames/, 'its certificate is for another name'],
  [
    /signature failure|self-signed certificate|unable to (?:get|verify)|unknown ca\b|UNABLE_TO_|DEPTH_ZERO/i,
    'its certificate is not from the authority in TDC_GRPC_TLS_CA_FILE',
  ],
  [/unsupported certificate purpose/, 'its certificate is not for a server'],
  [/wrong version number|packet length too long/, 'it does not speak TLS'],
  [/SSL alert number (?:42|43|44|45|46|48|49|116)\b/, 'it refuses our certificate'],
  [/SSL routines|ERR_TLS|ERR_SSL/, 'the TLS handshake failed'],
];

/** A connection that was made and ended before it could be used. */
const CLOSED = /^(?:Failed to connect|Socket closed|read ECONNRESET|write EPIPE|Client network socket)/;

const closedBy = (secure: boolean): string =>
  secure
    ? 'it closed the connection: it may refuse our certificate (TDC_GRPC_TLS_CERT_FILE), or be stopping'
    : 'it closed the connection: it may want TLS (TDC_GRPC_TLS_CERT_FILE), or be stopping';

/**
 * Why a service that is there cannot be spoken to, from the words of a status UNAVAILABLE: it is not the one that it
 * should be, it turns us away, or it speaks plaintext where we speak TLS or the reverse. Undefined where nothing is wrong
 * but that nobody answers.
 */
export function securityProblem(details: string, secure: boolean): string | undefined {
  if (!ACCOUNT.test(details)) return undefined;
  const cause = connectionCause(details).replace(/^Error(?: \[\w+\])?: /, '');
  if (CLOSED.test(cause)) return closedBy(secure);
  return MEANINGS.find(([said]) => said.test(cause))?.[1];
}
