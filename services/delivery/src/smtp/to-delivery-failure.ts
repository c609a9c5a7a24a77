import {
  type DeliveryFailure,
  type NetworkFailureReason,
  parseReply,
  type SmtpStage,
  type TlsFailureReason,
} from '@tdc/core';
import { opensslText } from '@tdc/platform';

/** What the SMTP client library tells of an error; all of it optional, none of it reliable alone. */
export interface SmtpClientError {
  readonly message: string;
  readonly code?: string | undefined;
  /** The code of the system or TLS error below. */
  readonly originalCode?: string | undefined;
  readonly response?: string | undefined;
  readonly responseCode?: number | undefined;
  readonly command?: string | undefined;
}

/**
 * Where in a connection's life the error came. `securing`: between `STARTTLS` and the end of the handshake. `setup`:
 * before it, or behind it up to the answer to EHLO.
 */
export type FailurePhase = 'setup' | 'securing';

const X509_CODES =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|CRL_|ERROR_IN_CERT|ERR_TLS_CERT_ALTNAME_INVALID)/;

const NETWORK_CODES: Readonly<Record<string, NetworkFailureReason>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EHOSTDOWN: 'unreachable',
  EACCES: 'unreachable',
  EPERM: 'unreachable',
};

/** Our words for a lost connection, as the log line's `reason`. */
export const NETWORK_TEXT: Readonly<Record<NetworkFailureReason, string>> = {
  timeout: 'connection timed out',
  refused: 'connection refused',
  reset: 'connection reset by peer',
  unreachable: 'host or network unreachable',
  closed: 'connection closed by peer',
};

const stageOf = (command: string | undefined): SmtpStage => (command?.startsWith('EHLO') ? 'ehlo' : 'banner');

const NOT_OFFERED: ReadonlySet<number> = new Set([500, 502, 503]);

/**
 * The TLS half of the table: undefined when the error is none of TLS's. A server that demands a certificate of ours says
 * so behind the handshake, in place of its answer to EHLO; whatever goes wrong later is the network's.
 */
function tlsFailure(error: SmtpClientError, phase: FailurePhase): DeliveryFailure | undefined {
  const { code = '', originalCode = '', responseCode } = error;
  const tls = (reason: TlsFailureReason): DeliveryFailure => ({
    kind: 'tls',
    reason,
    detail: error.response ?? opensslText(error) ?? error.message,
  });
  if (X509_CODES.test(originalCode) || X509_CODES.test(code)) return tls('certificate');
  if (/^ERR_(SSL|TLS)_/.test(originalCode) || originalCode === 'EPROTO') return tls('protocol');
  if (phase !== 'securing' && code !== 'ETLS') return undefined;
  if (code === 'ETIMEDOUT') return tls('timeout');
  // A server without STARTTLS refuses the command: a TLS error, whatever the code of its reply (spec §5).
  if (responseCode === undefined) return tls('handshake');
  return tls(NOT_OFFERED.has(responseCode) ? 'not-offered' : 'refused');
}

/** The reason of a system error's code; `closed` when the peer just went away. */
export const networkReason = (code: string | undefined): NetworkFailureReason =>
  NETWORK_CODES[code ?? ''] ?? 'closed';

/**
 * The only place that looks inside an error of the SMTP client (spec §5). Order matters: a bad certificate arrives as a
 * socket error, a refused STARTTLS with a reply code, a 421 as a lost connection.
 */
export function toDeliveryFailure(error: SmtpClientError, phase: FailurePhase): DeliveryFailure {
  const known = tlsFailure(error, phase);
  if (known !== undefined) return known;
  const { responseCode = 0, response, originalCode, code } = error;
  if (responseCode >= 400 && responseCode <= 599) {
    const reply = parseReply(response ?? String(responseCode));
    return { kind: 'smtp-reply', stage: stageOf(error.command), reply };
  }
  const reason = networkReason(code === 'ETIMEDOUT' ? 'ETIMEDOUT' : (originalCode ?? code));
  return { kind: 'network', reason, detail: NETWORK_TEXT[reason] };
}
