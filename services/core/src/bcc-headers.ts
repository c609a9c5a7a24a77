import { headerField, listField } from './header-text.ts';
import type { JournalCopy } from './journal-copy.ts';
import { type CopyFrame, commonFields } from './journal-report.ts';

/**
 * Format *bcc* (spec §4): the original with header fields prepended, and nothing else changed. There is no part in
 * which bare CR or LF could travel unchanged, so they become CRLF and a header says so.
 */
export function bccFrame(copy: JournalCopy): CopyFrame {
  const client = copy.clientAddress === undefined ? '' : headerField('X-CSE-ClientIP', copy.clientAddress);
  const noted = copy.bareNewlines === 'wrap' ? { ...copy, bareNewlines: 'note' as const } : copy;
  const preamble =
    client +
    listField('X-CSE-MailFrom', [copy.sender]) +
    listField('X-CSE-RcptTo', copy.recipients) +
    'X-CSE-MsgDirection: Incoming\r\n' +
    commonFields(noted);
  return { preamble, epilogue: '', base64: false, boundary: '' };
}
