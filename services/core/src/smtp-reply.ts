/** An SMTP reply: code, enhanced status code where the peer gave one, and the text of all its lines. */
export interface SmtpReply {
  readonly code: number;
  /** RFC 3463, such as `5.1.1`. */
  readonly enhanced?: string;
  readonly text: string;
}

/** Where in the dialogue a reply came; the last reply at any stage is the one that counts (spec §5). */
export type SmtpStage = 'banner' | 'ehlo' | 'mail' | 'rcpt' | 'data' | 'final-dot';

/** Code, enhanced code and text of a line. The text may hold any octet but CRLF, line separators of Unicode among them. */
const REPLY_LINE = /^(\d{3})(?:[ -](?:([245]\.\d{1,3}\.\d{1,3})(?:\s+|$))?(.*))?$/s;

function parseLine(line: string): SmtpReply | undefined {
  const match = REPLY_LINE.exec(line);
  if (match === null) return undefined;
  const code = Number(match[1]);
  const enhanced = match[2];
  const text = match[3]?.trim() ?? '';
  return enhanced === undefined ? { code, text } : { code, enhanced, text };
}

/**
 * Reads a reply as it stood on the wire, one line or several (RFC 5321 §4.2), with or without enhanced codes
 * (RFC 2034). Text that is no reply at all becomes a reply with code 0, so that it can still be shown.
 */
export function parseReply(wire: string): SmtpReply {
  // Most have one line.
  if (!wire.includes('\n')) return parseLine(wire) ?? { code: 0, text: wire.trim() };
  let code = 0;
  let enhanced: string | undefined;
  const texts: string[] = [];
  for (const line of wire.split(/\r?\n/)) {
    if (line === '') continue;
    const reply = parseLine(line);
    code = reply?.code ?? code;
    enhanced ??= reply?.enhanced;
    if (reply === undefined) texts.push(line.trim());
    else if (reply.text !== '') texts.push(reply.text);
  }
  const text = texts.join(' ');
  return enhanced === undefined ? { code, text } : { code, enhanced, text };
}

/** One line: `550 5.1.1 No such user`. */
export function formatReply(reply: SmtpReply): string {
  return [String(reply.code).padStart(3, '0'), reply.enhanced, reply.text].filter(Boolean).join(' ');
}
