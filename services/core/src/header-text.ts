/**
 * Text for header fields that we write: no line breaks from outside, RFC 2047 where it is not ASCII, folded so that no
 * line passes 78 characters where there is a blank to fold at, and none ever 998 octets (RFC 5322 §2.1.1).
 */

const MAX_LINE = 78;
/** A line may have 998 octets (RFC 5322 §2.1.1): a longer word is encoded, and so can be folded. */
const MAX_WORD = 900;
/**
 * Octets of UTF-8 in one encoded word: 39 make 64 characters, so that one fits behind `Subject:` in the 76 that RFC
 * 2047 §2 gives a line with encoded words.
 */
const ENCODED_WORD_OCTETS = 39;

const CONTROLS = /[\u0000-\u001f\u007f]/;

/** A value from outside on one line: controls become blanks. Most have none, and to look costs less than replacing. */
export const oneLine = (value: string): string =>
  (CONTROLS.test(value) ? value.replace(/[\u0000-\u001f\u007f]+/g, ' ') : value).trim();

const octetsIn = (value: string): number => new TextEncoder().encode(value).length;

/** Whether unstructured text can stand as it is: a literal `=?` would be read as the start of an encoded word. */
const isPlain = (value: string): boolean =>
  /^[\u0020-\u007e]*$/.test(value) &&
  !value.includes('=?') &&
  value.split(' ').every((word) => word.length <= MAX_WORD);

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function base64(octets: Uint8Array): string {
  let text = '';
  for (let i = 0; i < octets.length; i += 3) {
    const [a = 0, b = 0, c = 0] = octets.subarray(i, i + 3);
    const left = octets.length - i;
    text += BASE64.charAt(a >> 2) + BASE64.charAt(((a & 3) << 4) | (b >> 4));
    text += left > 1 ? BASE64.charAt(((b & 15) << 2) | (c >> 6)) : '=';
    text += left > 2 ? BASE64.charAt(c & 63) : '=';
  }
  return text;
}

/** Encoded words of whole characters each, as RFC 2047 §5 demands. */
function encodedWords(value: string): string[] {
  const encoder = new TextEncoder();
  const words: string[] = [];
  let piece = '';
  let size = 0;
  for (const character of value) {
    const octets = encoder.encode(character).length;
    if (size + octets > ENCODED_WORD_OCTETS) {
      words.push(piece);
      piece = '';
      size = 0;
    }
    piece += character;
    size += octets;
  }
  words.push(piece);
  return words.map((word) => `=?UTF-8?B?${base64(encoder.encode(word))}?=`);
}

/** Words of printable ASCII, one blank between two of them. Without `=`, nothing in them can look encoded. */
const PLAIN_WORDS = /^(?:[!-<>-~]+(?: [!-<>-~]+)*)?$/;

/**
 * One header field, unstructured: encoded where it must be, folded at blanks, ending in CRLF. A run of blanks becomes
 * one: folded, it could leave a line of blanks alone, which some receivers take for the end of the header.
 */
export function headerField(name: string, value: string): string {
  // Most values need none of it, and a copy has several.
  if (name.length + 2 + value.length <= MAX_LINE && PLAIN_WORDS.test(value)) return `${name}: ${value}\r\n`;
  const clean = oneLine(value);
  return foldWords(name, isPlain(clean) ? clean.split(/ +/) : encodedWords(clean));
}

/** Items of printable ASCII without blanks around them, behind one comma and blank each. */
const PLAIN_ITEMS = /^[!-~]+(?:, [!-~]+)*$/;

/**
 * A header field whose value is a list: folded behind the commas, the items as they are. An item that no line can hold
 * is encoded.
 */
export function listField(name: string, items: readonly string[]): string {
  const list = items.join(', ');
  if (name.length + 2 + list.length <= MAX_LINE && PLAIN_ITEMS.test(list)) return `${name}: ${list}\r\n`;
  const words = items.flatMap((item, index) => {
    const clean = oneLine(item);
    const parts = octetsIn(clean) > MAX_WORD ? encodedWords(clean) : [clean];
    return index < items.length - 1 ? parts.with(-1, `${parts.at(-1)},`) : parts;
  });
  return foldWords(name, words);
}

function foldWords(name: string, words: readonly string[]): string {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of words) {
    // An empty item stays where it is: on a line of its own, that line would be of blanks alone (RFC 5322 §3.2.2).
    if (word !== '' && line.length + 1 + word.length > MAX_LINE && line !== `${name}:`) {
      lines.push(line);
      line = '';
    }
    line += ` ${word}`;
  }
  lines.push(line);
  return `${lines.join('\r\n')}\r\n`;
}
