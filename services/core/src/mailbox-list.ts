/** One mailbox as most mail writes it: plain atoms, and at most one plain or quoted display name before brackets. */
const PLAIN_MAILBOX = /^(?:(?:[\w .'-]*|"[^"\\]*" *)<([\w.+-]+@[\w.-]+)>|([\w.+-]+@[\w.-]+))$/;

/**
 * Reads the addr-specs out of From and Reply-To values, with display names, comments, quoted strings, groups and
 * several mailboxes (RFC 5322 §3.4), and with what real mail makes of them. Never throws; linear in its input.
 */
export function mailboxesOf(value: string): readonly string[] {
  const plain = PLAIN_MAILBOX.exec(value);
  const only = plain?.[1] ?? plain?.[2];
  if (only !== undefined) return [only];
  const found: string[] = [];
  let bare = '';
  let hasAngle = false;
  const end = (): void => {
    const address = hasAngle ? undefined : addressIn(bare, 'bare');
    if (address !== undefined) found.push(address);
    bare = '';
    hasAngle = false;
  };
  for (const token of tokens(value)) {
    if (token.kind === 'text') bare += token.text;
    else if (token.kind === 'angle') {
      const address = addressIn(token.text.replace(SOURCE_ROUTE, ''), 'brackets');
      if (address === undefined) continue;
      found.push(address);
      hasAngle = true;
    } else if (token.text === ':') bare = '';
    else end();
  }
  end();
  return found;
}

/** `@relay.example:` before the address itself (RFC 5322 §4.4). */
const SOURCE_ROUTE = /^\s*@[^:]*:/;

interface Token {
  readonly kind: 'text' | 'angle' | 'separator';
  readonly text: string;
}

/**
 * What may still be opened. A quote or comment that is never closed is read as the character it is, and so is every
 * later one: looking for their ends again and again would take quadratic time.
 */
interface Openings {
  quotes: boolean;
  comments: boolean;
}

/** The parts of a list, comments left out. */
function* tokens(value: string): Generator<Token> {
  const allowed: Openings = { quotes: true, comments: true };
  for (let i = 0; i < value.length; ) {
    const character = value.charAt(i);
    let next = i + 1;
    if (character === '"') {
      next = quotedEnd(value, i, allowed) ?? next;
      yield { kind: 'text', text: value.slice(i, next) };
    } else if (character === '<') {
      const angle = readAngle(value, i, allowed);
      next = angle.end;
      yield { kind: 'angle', text: angle.text };
    } else {
      const close = character === '(' ? commentEnd(value, i, allowed) : undefined;
      if (close === undefined)
        yield { kind: ',;:'.includes(character) ? 'separator' : 'text', text: character };
      else next = close;
    }
    i = next;
  }
}

/** Behind the closing quote; undefined when there is none. */
function quotedEnd(value: string, start: number, allowed: Openings): number | undefined {
  for (let i = start + 1; allowed.quotes && i < value.length; i += 1) {
    if (value.charAt(i) === '\\') i += 1;
    else if (value.charAt(i) === '"') return i + 1;
  }
  allowed.quotes = false;
  return undefined;
}

/** Behind the closing parenthesis, nested ones counted; undefined when there is none. */
function commentEnd(value: string, start: number, allowed: Openings): number | undefined {
  let depth = 0;
  for (let i = start; allowed.comments && i < value.length; i += 1) {
    const character = value.charAt(i);
    if (character === '\\') i += 1;
    else if (character === '(') depth += 1;
    else if (character === ')') {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  allowed.comments = false;
  return undefined;
}

/**
 * What stands between brackets, without comments, and where it ends: at the closing bracket, the next opening one or the
 * end of the text. Brackets inside quotes do not count.
 */
function readAngle(value: string, start: number, allowed: Openings): { text: string; end: number } {
  let text = '';
  let from = start + 1;
  for (let i = from; i < value.length; i += 1) {
    const character = value.charAt(i);
    if (character === '<' || character === '>') return { text: text + value.slice(from, i), end: i };
    if (character === '"') i = (quotedEnd(value, i, allowed) ?? i + 1) - 1;
    else if (character === '(') {
      const close = commentEnd(value, i, allowed);
      if (close === undefined) continue;
      text += value.slice(from, i);
      from = close;
      i = close - 1;
    }
  }
  return { text: text + value.slice(from), end: value.length };
}

/**
 * The word that is an address. A bare one may stand among others, its brackets forgotten; between brackets blanks
 * separate nothing (RFC 5322 §4.4 allows them around `@` and dots).
 */
function addressIn(text: string, place: 'bare' | 'brackets'): string | undefined {
  return words(text, place === 'bare').find((word) => {
    const at = word.lastIndexOf('@');
    return at > 0 && at < word.length - 1 && at > word.lastIndexOf('"');
  });
}

/** Splits at commas and, where they separate, at blanks outside quotes, but not around an `@`. */
function words(text: string, blanksSeparate: boolean): readonly string[] {
  const list: string[] = [];
  let word = '';
  let inQuotes = false;
  let isBroken = false;
  for (let i = 0; i < text.length; i += 1) {
    const character = text.charAt(i);
    if (!inQuotes && /[\s,]/.test(character)) {
      isBroken ||= word !== '' && (blanksSeparate || character === ',');
      continue;
    }
    if (isBroken && character !== '@' && !word.endsWith('@')) {
      list.push(word);
      word = '';
    }
    isBroken = false;
    word += character;
    if (character === '\\' && inQuotes) {
      i += 1;
      word += text.charAt(i);
    } else if (character === '"') inQuotes = !inQuotes;
  }
  return word === '' ? list : [...list, word];
}
