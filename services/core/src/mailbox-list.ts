/**
 * Reads the addr-specs out of From and Reply-To values, with display names, comments, quoted strings, groups and
 * several mailboxes (RFC 5322 §3.4), and with what real mail makes of them. Never throws; linear in its input.
 */
export function mailboxesOf(value: string): readonly string[] {
  const found: string[] = [];
  let bare = '';
  let angle: string | undefined;
  const flush = (): void => {
    const text = (angle ?? bare).trim();
    // A bare address may stand among words when the brackets were forgotten: the word with the @ is it.
    const word = angle === undefined ? text.split(/\s+/).find((part) => part.includes('@')) : text;
    if (word?.includes('@')) found.push(withoutRoute(word));
    bare = '';
    angle = undefined;
  };
  let inAngle = false;
  for (let i = 0; i < value.length; i += 1) {
    const character = value.charAt(i);
    if (character === '"') {
      const end = quotedEnd(value, i);
      const quoted = value.slice(i, end);
      if (inAngle) angle += quoted;
      else bare += quoted;
      i = end - 1;
    } else if (character === '(' && !inAngle) i = commentEnd(value, i) - 1;
    else if (character === '<') {
      inAngle = true;
      angle = '';
    } else if (character === '>') inAngle = false;
    else if (inAngle) angle += character;
    else if (character === ',' || character === ';') flush();
    else if (character === ':') bare = '';
    else bare += character;
  }
  flush();
  return found;
}

/** Behind the closing quote, or the end of the text. */
function quotedEnd(value: string, start: number): number {
  for (let i = start + 1; i < value.length; i += 1) {
    if (value.charAt(i) === '\\') i += 1;
    else if (value.charAt(i) === '"') return i + 1;
  }
  return value.length;
}

/** Behind the closing parenthesis, nested ones counted, or the end of the text. */
function commentEnd(value: string, start: number): number {
  let depth = 0;
  for (let i = start; i < value.length; i += 1) {
    const character = value.charAt(i);
    if (character === '\\') i += 1;
    else if (character === '(') depth += 1;
    else if (character === ')') {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return value.length;
}

/** `@relay.example:user@example.com` → `user@example.com` (RFC 5322 §4.4). */
const withoutRoute = (address: string): string => address.replace(/^@[^:]*:/, '').trim();
