import { headerField, oneLine } from './header-text.ts';
import { type JournalCopy, TDC_QUEUE } from './journal-copy.ts';
import { formatMessageDate } from './mail-date.ts';

/** Names the copy; the same on every attempt. Our own copies are recognised by it when they come back. */
export const JOURNAL_ID_HEADER = 'X-TDC-Journal-ID';
/** Says that bare CR or LF of the original became CRLF, because SMTP cannot carry them. */
export const BARE_NEWLINES_HEADER = 'X-TDC-Bare-Newlines';

/** What goes around the original: `preamble + original + epilogue` is the copy, the text of both in UTF-8. */
export interface CopyFrame {
  readonly preamble: string;
  readonly epilogue: string;
  /** The original goes in as base64 lines of 76 characters instead of as it is. */
  readonly base64: boolean;
  /** The boundary between the parts; '' when there are none. The original must not hold it. */
  readonly boundary: string;
}

export interface JournalInput {
  readonly copy: JournalCopy;
  /** The Subject header of the original, decoded; '' when it has none. */
  readonly subject: string;
  /** When this attempt is made, milliseconds since the epoch. */
  readonly now: number;
}

/** Lines longer than this are not left as they are: RFC 5321 §4.5.3.1.6 ends lines at 998 octets. */
const MAX_PLAIN_LINE = 900;

/** Drawn from the journal id, which nobody outside can guess, so that no message can hold it on purpose. */
export const boundaryOf = (journalId: string): string => `=_tdc_${journalId.replace(/[^A-Za-z0-9]/g, '')}`;

/** The lines of the report (spec §4): the envelope that the original's header does not tell. */
export function journalReportLines({ copy, subject }: JournalInput): readonly string[] {
  return [
    `Sender: ${oneLine(copy.sender)}`,
    `Subject: ${oneLine(subject)}`,
    `Message-Id: ${oneLine(copy.messageIdHeader)}`,
    ...copy.recipients.map((recipient) => `Recipient: ${oneLine(recipient)}`),
  ];
}

function quotedPrintableLine(line: string): string {
  let out = '';
  let length = 0;
  for (const octet of new TextEncoder().encode(line)) {
    const plain = octet >= 0x20 && octet <= 0x7e && octet !== 0x3d;
    const piece = plain
      ? String.fromCharCode(octet)
      : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
    if (length + piece.length > 75) {
      out += '=\r\n';
      length = 0;
    }
    out += piece;
    length += piece.length;
  }
  return out.replace(/ $/, '=20');
}

const partHeader = (encoding: '7bit' | 'quoted-printable'): string =>
  `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;

const SEVEN_BIT = partHeader('7bit');
const QUOTED = partHeader('quoted-printable');

/** No line holds a line end of its own. */
const PRINTABLE_LINES = /^[\r\n -~]*$/;

/** The lines as they are where they can stand so, as most can. */
function reportPart(lines: readonly string[]): string {
  const text = lines.join('\r\n');
  const plain = PRINTABLE_LINES.test(text) && lines.every((line) => line.length <= MAX_PLAIN_LINE);
  return `${plain ? SEVEN_BIT : QUOTED}${plain ? text : lines.map(quotedPrintableLine).join('\r\n')}\r\n`;
}

function originalPartHeader(copy: JournalCopy): string {
  if (copy.bareNewlines === 'wrap') {
    const name = `message-${copy.mid}.eml`;
    return (
      `Content-Type: application/octet-stream; name="${name}"\r\n` +
      'Content-Transfer-Encoding: base64\r\n' +
      `Content-Disposition: attachment; filename="${name}"\r\n\r\n`
    );
  }
  // A message/rfc822 part is never encoded (RFC 2046 §5.2.1): the octets go as they are, labelled truly.
  return `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: ${copy.eightBit ? '8bit' : '7bit'}\r\n\r\n`;
}

/**
 * Format *journal*: a multipart/mixed message whose first part is the report and whose second part holds the original
 * byte for byte (spec §4).
 */
export function journalFrame(input: JournalInput): CopyFrame {
  const { copy, subject, now } = input;
  const boundary = boundaryOf(copy.journalId);
  const base64 = copy.bareNewlines === 'wrap';
  const preamble =
    `Date: ${formatMessageDate(now)}\r\nFrom: Threat Defense Connector <tdc@${TDC_QUEUE}>\r\n` +
    headerField('To', `<${copy.route.address}>`) +
    headerField('Subject', subject) +
    headerField('Message-ID', `<${copy.journalId}@${TDC_QUEUE}>`) +
    'Auto-Submitted: auto-generated\r\n' +
    commonFields(copy) +
    `MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="${boundary}"\r\n` +
    `Content-Transfer-Encoding: ${copy.eightBit && !base64 ? '8bit' : '7bit'}\r\n\r\n--${boundary}\r\n` +
    reportPart(journalReportLines(input)) +
    `\r\n--${boundary}\r\n${originalPartHeader(copy)}`;
  // The CRLF before a boundary belongs to the boundary (RFC 2046 §5.1.1): the original keeps its own last CRLF.
  return { preamble, epilogue: `\r\n--${boundary}--\r\n`, base64, boundary };
}

/** Header fields that every copy carries, whatever its format. */
export function commonFields(copy: JournalCopy): string {
  const remote =
    copy.clientAddress === undefined ? '' : headerField(copy.route.remoteIpHeader, copy.clientAddress);
  const note = copy.bareNewlines === 'note' ? headerField(BARE_NEWLINES_HEADER, 'normalized') : '';
  return `${remote}${headerField(JOURNAL_ID_HEADER, copy.journalId)}${note}`;
}
