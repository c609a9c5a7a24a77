/**
 * Text for header fields that we write: no line breaks from outside, RFC 2047 where it is not ASCII, folded so that no
 * line passes 78 characters where there is a blank to fold at (RFC 5322 §2.1.1).
 */

const MAX_LINE = 78;
/** A line may have 998 octets (RFC 5322 §2.1.1): a longer word is encoded, and so can be folded. */
const MAX_WORD = 900;
/** Octets of UTF-8 in one encoded word: 45 make 60 base64 characters, within the 75 of RFC 2047 §2. */
const ENCODED_WORD_OCTETS = 45;

/** A value from outside on one line: controls become blanks. */
export const oneLine = (value: string): string => value.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();

const isAscii = (value: string): boolean => /^[\u0020-\u007e]*$/.test(value);

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

/** One header field, unstructured: encoded where it must be, folded at blanks, ending in CRLF. */
export function headerField(name: string, value: string): string {
  const clean = oneLine(value);
  const plain = isAscii(clean) && clean.split(' ').every((word) => word.length <= MAX_WORD);
  const words = plain ? clean.split(' ') : encodedWords(clean);
  return foldWords(name, words);
}

/** A header field whose value is a list: folded behind the commas, the items as they are. */
export function listField(name: string, items: readonly string[]): string {
  const words = items.map((item, index) => oneLine(item) + (index < items.length - 1 ? ',' : ''));
  return foldWords(name, words);
}

function foldWords(name: string, words: readonly string[]): string {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of words) {
    if (line.length + 1 + word.length > MAX_LINE && line !== `${name}:`) {
      lines.push(line);
      line = '';
    }
    line += ` ${word}`;
  }
  lines.push(line);
  return `${lines.join('\r\n')}\r\n`;
}
