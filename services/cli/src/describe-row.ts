import { formatUserPattern, type UserPattern, type UserRow } from '@tdc/core';

const list = (users: readonly UserPattern[], joint: string): string =>
  users.map(formatUserPattern).join(joint);

/** A user row in words: `from @lawfirm.com`, `to joe@ or ann@`. */
export function describeRow({ sender, recipient }: UserRow): string {
  const parts: string[] = [];
  if (sender.kind === 'one-of') parts.push(`from ${list(sender.users, ' or ')}`);
  if (sender.kind === 'none-of') parts.push(`not from ${list(sender.users, ' or ')}`);
  if (recipient.kind === 'listed')
    parts.push(`to ${list(recipient.users, recipient.join === 'all' ? ' and ' : ' or ')}`);
  if (recipient.kind === 'not-listed') {
    parts.push(`not to ${list(recipient.users, recipient.join === 'all' ? ' and ' : ' or ')}`);
  }
  return parts.length === 0 ? 'anyone' : parts.join(', ');
}
