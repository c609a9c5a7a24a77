/** An SMTP reply: code, enhanced status code where the peer gave one, and the text of all its lines. */
export interface SmtpReply {
  readonly code: number;
  /** RFC 3463, such as `5.1.1`. */
  readonly enhanced?: string;
  readonly text: string;
}

/** Where in the dialogue a reply came; the last reply at any stage is the one that counts (spec §5). */
export type SmtpStage = 'banner' | 'ehlo' | 'mail' | 'rcpt' | 'data' | 'final-dot';

/** A reply's text may hold any octet but CRLF, line separators of Unicode among them. */
const REPLY_LINE = /^(\d{3})(?:[ -](.*))?$/s;
const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)/;

/**
 * Reads a reply as it stood on the wire, one line or several (RFC 5321 §4.2), with or without enhanced codes
 * (RFC 2034). Text that is no reply at all becomes a reply with code 0, so that it can still be shown.
 */
export function parseReply(wire: string): SmtpReply {
  const lines = wire.split(/\r?\n/).filter((line) => line !== '');
  let code = 0;
  let enhanced: string | undefined;
  const texts: string[] = [];
  for (const line of lines) {
    const match = REPLY_LINE.exec(line);
    if (match === null) {
      texts.push(line.trim());
      continue;
    }
    code = Number(match[1]);
    let text = match[2] ?? '';
    const status = ENHANCED.exec(text);
    if (status !== null) {
      enhanced ??= status[1];
      text = text.slice(status[0].length);
    }
    if (text.trim() !== '') texts.push(text.trim());
  }
  const text = texts.join(' ');
  return enhanced === undefined ? { code, text } : { code, enhanced, text };
}

/** One line: `550 5.1.1 No such user`. */
export function formatReply(reply: SmtpReply): string {
  return [String(reply.code).padStart(3, '0'), reply.enhanced, reply.text].filter(Boolean).join(' ');
}
