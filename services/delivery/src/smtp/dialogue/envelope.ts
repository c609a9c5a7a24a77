import type { OutboundMessage } from '../outbound-connection.ts';

export interface EnvelopeCommands {
  readonly mail: string;
  readonly rcpt: string;
}

const BEYOND_ASCII = /[^\u0000-\u007f]/;

/**
 * The commands that name a message's sender and recipient, with the parameters that the peer offers: SIZE (RFC 1870),
 * BODY (RFC 6152) and SMTPUTF8, which an address can need (RFC 6531 §3.4) and a header too.
 */
export function envelopeCommands(
  message: Omit<OutboundMessage, 'content' | 'onFinalDot'>,
  extensions: readonly string[],
): EnvelopeCommands {
  const { sender, recipient, sizeBytes, eightBit, smtpUtf8 } = message;
  const isInternational = BEYOND_ASCII.test(sender + recipient);
  const asksForUtf8 = extensions.includes('SMTPUTF8') && (isInternational || smtpUtf8 !== 'no');
  let parameters = '';
  if (asksForUtf8 && isInternational) parameters += ' SMTPUTF8';
  if (eightBit && extensions.includes('8BITMIME')) parameters += ' BODY=8BITMIME';
  if (sizeBytes > 0 && extensions.includes('SIZE')) parameters += ` SIZE=${sizeBytes}`;
  if (asksForUtf8 && !isInternational) parameters += ' SMTPUTF8';
  return { mail: `MAIL FROM:<${sender}>${parameters}\r\n`, rcpt: `RCPT TO:<${recipient}>\r\n` };
}
