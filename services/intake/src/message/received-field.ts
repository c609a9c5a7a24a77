import { parseIpAddress } from '@tdc/core';

/** What a Received field tells of how its writer got the message (RFC 5321 §4.4). */
export type ReceivedHop =
  | {
      readonly kind: 'hop';
      /** The client's address as the writer saw it, not as the client gave itself out; undefined when it is not told. */
      readonly address: string | undefined;
      /** The client had logged in. */
      readonly authenticated: boolean;
    }
  /** Handed over on the writer's own machine, as a content filter does. */
  | { readonly kind: 'local' }
  /** Not of the form that servers write: a client may have put words of its own into it. */
  | { readonly kind: 'unreadable' };

interface Item {
  readonly kind: 'word' | 'comment';
  readonly text: string;
}

/** Behind this lies the date; a field so long is no server's. */
const MAX_LENGTH = 4000;

const WORD = /(?:<[^<>]*>|[^\s()<>;"]+)+/y;

/** The end of the word that begins there; undefined when none does. */
function wordEnd(value: string, start: number): number | undefined {
  WORD.lastIndex = start;
  return WORD.test(value) ? WORD.lastIndex : undefined;
}

/**
 * Words and comments up to the date, comments without their outer brackets. Undefined when brackets or quotes do not
 * match: then nobody can tell where a client's words end.
 */
function itemsOf(value: string): readonly Item[] | undefined {
  const items: Item[] = [];
  for (let at = 0; at < value.length && value[at] !== ';'; ) {
    if (value[at] === ' ' || value[at] === '\t') {
      at += 1;
      continue;
    }
    const isComment = value[at] === '(';
    const end = isComment ? commentEnd(value, at) : wordEnd(value, at);
    if (end === undefined) return undefined;
    items.push(
      isComment
        ? { kind: 'comment', text: value.slice(at + 1, end - 1) }
        : { kind: 'word', text: value.slice(at, end) },
    );
    at = end;
  }
  return items;
}

/** The end of the comment that begins there, brackets within it included; undefined when it has none. */
function commentEnd(value: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < value.length; at += 1) {
    if (value[at] === '(') depth += 1;
    else if (value[at] === ')') depth -= 1;
    if (depth === 0) return at + 1;
  }
  return undefined;
}

/** The address in dotted or colon form, without brackets and prefix; an IPv4-mapped one in its dotted form. */
export function plainAddress(text: string): string | undefined {
  const octets = parseIpAddress(text);
  if (octets === undefined) return undefined;
  return octets.length === 4 ? octets.join('.') : text.replace(/^\[|\]$/g, '').replace(/^IPv6:|%.*$/gis, '');
}

const LAST_LITERAL = /^.*\[([^[\]]*)\]/s;

/** The address in a comment behind `from`: `host [address]`, or the address alone. */
function addressIn(comment: string): string | undefined {
  // Exim and qmail repeat in it what the client called itself.
  const seen = comment.replace(/\b(?:helo|ident)[= ]\S+/gi, '').trim();
  return plainAddress(LAST_LITERAL.exec(seen)?.[1] ?? seen);
}

/** `ESMTPA`, `LMTPSA`, `UTF8SMTPA` …: the A says that the client was authenticated (RFC 3848, RFC 6531). */
const AUTHENTICATED = /^(?:UTF8)?(?:E?S|L)MTPS?A$/i;

const isWord = (item: Item | undefined, text: string): boolean =>
  item?.kind === 'word' && item.text.length === text.length && item.text.toLowerCase() === text;

/** Skips comments from `start`; answers the next index. */
function behindComments(items: readonly Item[], start: number): number {
  let at = start;
  while (items[at]?.kind === 'comment') at += 1;
  return at;
}

/** The word behind `by host (…) [via …] with`; '' when there is none. */
function protocolOf(items: readonly Item[], by: number): string {
  let at = behindComments(items, by + 2);
  if (isWord(items[at], 'via')) at = behindComments(items, at + 2);
  return isWord(items[at], 'with') ? (items[at + 1]?.text ?? '') : '';
}

function countOf(items: readonly Item[], keyword: string): number {
  let count = 0;
  for (const item of items) if (isWord(item, keyword)) count += 1;
  return count;
}

/** Whether each keyword stands where it can stand once: a second one is a client's. */
const isPlain = (items: readonly Item[]): boolean => countOf(items, 'from') <= 1 && countOf(items, 'by') <= 1;

/**
 * Reads a Received field by the strict form that servers write, `from name (seen) by name with protocol`. What a client
 * calls itself is one word there; whatever a client has smuggled in beyond that makes the field unreadable, and it is
 * believed in nothing.
 */
export function readReceived(value: string): ReceivedHop {
  const items = value.length > MAX_LENGTH ? undefined : itemsOf(value);
  if (items === undefined || !isPlain(items)) return { kind: 'unreadable' };
  const first = behindComments(items, 0);
  if (first === items.length || isWord(items[first], 'by')) return { kind: 'local' };
  const name = items[first + 1];
  const by = behindComments(items, first + 2);
  if (!isWord(items[first], 'from') || name?.kind !== 'word' || !isWord(items[by], 'by'))
    return { kind: 'unreadable' };
  const seen = items.slice(first + 2, by).flatMap(({ text }) => addressIn(text) ?? []);
  // Exim has the address in place of a name that was not given.
  const literal = /^\[.*\]$/s.test(name.text) ? plainAddress(name.text) : undefined;
  return {
    kind: 'hop',
    address: seen[0] ?? literal,
    authenticated: AUTHENTICATED.test(protocolOf(items, by)),
  };
}
