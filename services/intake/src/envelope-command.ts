import { toAsciiDomain } from '@tdc/core';

/** `MAIL FROM:` or `RCPT TO:`, taken apart around its address. */
export interface EnvelopeCommand {
  /** Up to and with the colon. */
  readonly verb: string;
  /** As it was sent, without angle brackets and source route; a domain beyond ASCII is in its ASCII form. */
  readonly address: string;
  /** ESMTP parameters, with the blank in front. */
  readonly parameters: string;
}

/** Postfix, which is behind many a gateway, takes no longer line. */
const MAX_ADDRESS_LENGTH = 2048;

/** `<@relay,@relay:local@domain>`: the route is to be ignored (RFC 5321 §4.1.2); a quoted local part may hold anything. */
const COMMAND =
  /^([a-z ]+:) *<(?:@[^\s,:@<>"]+(?:,@[^\s,:@<>"]+)*:)?("(?:[^"\\]|\\.)*"|[^ @<>"]+)@([^ @<>"]+)>(?= |$)(.*)$/is;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** The address with a domain of letters beyond ASCII, as people see it, in the form that DNS and SMTP carry. */
export function withAsciiDomain(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  return at < 0 || /^[\u0000-\u007f]*$/.test(domain)
    ? address
    : `${address.slice(0, at + 1)}${toAsciiDomain(domain)}`;
}

/**
 * Reads the command as its sender wrote it: what the gateway took must not be refused here, or whoever writes
 * `<"a b"@evil.example>` goes unscanned. `none`: there is no whole address in it, such as in `MAIL FROM:<>`.
 */
export function readEnvelopeCommand(line: string): EnvelopeCommand | 'none' | 'unacceptable' {
  const match = COMMAND.exec(line.trimEnd());
  if (match === null) return 'none';
  const [, verb = '', local = '', domain = '', parameters = ''] = match;
  const address = `${local}@${domain}`;
  if (CONTROL.test(address) || address.length > MAX_ADDRESS_LENGTH) return 'unacceptable';
  return { verb, address: withAsciiDomain(address), parameters };
}
