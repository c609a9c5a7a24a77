import { type DeliveryFailure, type NetworkFailureReason, parseReply, type SmtpStage } from '@tdc/core';

/** What the SMTP client library tells of an error; all of it optional, none of it reliable alone. */
export interface SmtpClientError {
  readonly message: string;
  readonly code?: string | undefined;
  /** The code of the system or TLS error below. */
  readonly originalCode?: string | undefined;
  readonly response?: string | undefined;
  readonly responseCode?: number | undefined;
  readonly command?: string | undefined;
  readonly timeoutType?: string | undefined;
}

export interface FailurePhase {
  /** Between `STARTTLS` and the end of the handshake. */
  readonly upgrading: boolean;
  /** The final dot is out: from here a lost connection leaves the outcome open. */
  readonly finalDotSent: boolean;
}

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

function stageOf(command: string | undefined, finalDotSent: boolean): SmtpStage {
  if (finalDotSent) return 'final-dot';
  if (command?.startsWith('MAIL')) return 'mail';
  if (command?.startsWith('RCPT')) return 'rcpt';
  if (command?.startsWith('DATA')) return 'data';
  if (command?.startsWith('EHLO') || command?.startsWith('HELO')) return 'ehlo';
  return 'banner';
}

/** The TLS half of the table: undefined when the error is none of TLS's. */
function tlsFailure(error: SmtpClientError, phase: FailurePhase): DeliveryFailure | undefined {
  const { code = '', originalCode = '', message, responseCode } = error;
  const tls = (reason: Extract<DeliveryFailure, { kind: 'tls' }>['reason']): DeliveryFailure => ({
    kind: 'tls',
    reason,
    detail: error.response ?? message,
  });
  if (error.timeoutType === 'UPGRADE_TIMEOUT') return tls('timeout');
  if (X509_CODES.test(originalCode) || X509_CODES.test(code)) return tls('certificate');
  if (/^ERR_(SSL|TLS)_/.test(originalCode) || originalCode === 'EPROTO') return tls('protocol');
  if (phase.upgrading) return tls('handshake');
  // A server without STARTTLS refuses the command: a TLS error, whatever the code of its reply (spec §5).
  if (code === 'ETLS')
    return tls(
      responseCode === undefined ? 'handshake' : isNotOffered(responseCode) ? 'not-offered' : 'refused',
    );
  return undefined;
}

const isNotOffered = (code: number): boolean => code === 500 || code === 502 || code === 503;

/** The reason of a system error's code; `closed` when the peer just went away. */
export const networkReason = (code: string | undefined): NetworkFailureReason =>
  NETWORK_CODES[code ?? ''] ?? 'closed';

/**
 * The only place that looks inside an error of the SMTP client (spec §5). Order matters: a bad certificate arrives as a
 * socket error, a refused STARTTLS with a reply code, a 421 as a lost connection.
 */
export function toDeliveryFailure(error: SmtpClientError, phase: FailurePhase): DeliveryFailure {
  const tls = tlsFailure(error, phase);
  if (tls !== undefined) return tls;
  const { responseCode = 0, response, originalCode, code, message } = error;
  if (responseCode >= 400 && responseCode <= 599) {
    const reply = parseReply(response ?? String(responseCode));
    return { kind: 'smtp-reply', stage: stageOf(error.command, phase.finalDotSent), reply };
  }
  if (phase.finalDotSent) return { kind: 'uncertain', detail: message };
  const reason = networkReason(code === 'ETIMEDOUT' ? 'ETIMEDOUT' : (originalCode ?? code));
  return { kind: 'network', reason, detail: NETWORK_TEXT[reason] };
}
