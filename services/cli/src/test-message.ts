import { randomBytes } from 'node:crypto';
import { formatMessageDate, headerField, listField } from '@tdc/core';

export interface TestMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly subject: string;
  /** The command that sends it: stands in the Message-ID and in the text. */
  readonly from: 'send' | 'selftest';
}

/** A short message that says where it comes from. */
export function testMessage({ sender, recipients, subject, from }: TestMessage): Buffer {
  const now = Date.now();
  const text =
    `Date: ${formatMessageDate(now)}\r\n` +
    listField('From', [`<${sender}>`]) +
    listField(
      'To',
      recipients.map((one) => `<${one}>`),
    ) +
    headerField('Subject', subject) +
    `Message-ID: <${now.toString(36)}.${randomBytes(6).toString('hex')}@tdc-${from}.localdomain>\r\n` +
    'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n' +
    `A test message of tdc ${from}.\r\n`;
  return Buffer.from(text);
}
