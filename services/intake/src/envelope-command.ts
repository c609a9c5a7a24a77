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

/** `MAIL FROM:` as nearly every client writes it. */
export interface PlainMail {
  readonly address: string;
  /** SIZE; 0 where there is none. */
  readonly announcedBytes: number;
  readonly smtpUtf8: boolean;
}

const PLAIN_MAIL =
  /^MAIL FROM:<((?:[!#-'*+\-./\d=?A-Z^-~]+@[A-Z\d.-]+)?)>(?: SIZE=(\d{1,15}))?(?: BODY=(?:7BIT|8BITMIME))?( SMTPUTF8)?$/i;
const PLAIN_RCPT = /^RCPT TO:<([!#-'*+\-./\d=?A-Z^-~]+@[A-Z\d.-]+)>$/i;

/** Reads a command that has nothing out of the ordinary; undefined: it needs a closer look, it is not wrong yet. */
export function readPlainMail(line: string): PlainMail | undefined {
  const match = line.length > MAX_ADDRESS_LENGTH ? null : PLAIN_MAIL.exec(line);
  if (match === null) return undefined;
  const [, address = '', size = '0', smtpUtf8] = match;
  return { address, announcedBytes: Number(size), smtpUtf8: smtpUtf8 !== undefined };
}

/** The address of a recipient that comes with nothing else; undefined: the command needs a closer look. */
export function readPlainRecipient(line: string): string | undefined {
  return line.length > MAX_ADDRESS_LENGTH ? undefined : PLAIN_RCPT.exec(line)?.[1];
}
