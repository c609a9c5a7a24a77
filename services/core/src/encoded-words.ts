/** Encoded words of RFC 2047: how header fields carry text beyond ASCII. */

const ENCODED_WORD = /=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=/g;

interface Word {
  readonly charset: string;
  readonly octets: number[];
}

function decodeBase64(text: string): number[] {
  const clean = text.replace(/[^A-Za-z0-9+/]/g, '');
  const binary = atob(clean.slice(0, clean.length - (clean.length % 4 === 1 ? 1 : 0)));
  return Array.from(binary, (character) => character.charCodeAt(0));
}

function decodeQ(text: string): number[] {
  const octets: number[] = [];
  const raw = new TextEncoder().encode(text);
  for (let i = 0; i < raw.length; i += 1) {
    const hex = String.fromCharCode(...raw.subarray(i + 1, i + 3));
    const octet = raw[i] ?? 0;
    if (octet === 0x3d && /^[0-9a-f]{2}$/i.test(hex)) {
      octets.push(Number.parseInt(hex, 16));
      i += 2;
    } else octets.push(octet === 0x5f ? 0x20 : octet);
  }
  return octets;
}

function isKnownCharset(charset: string): boolean {
  try {
    return new TextDecoder(charset).encoding !== '';
  } catch {
    return false;
  }
}

/** The octets of one match of {@link ENCODED_WORD}; undefined when its character set is unknown. */
function readWord([, charset = '', encoding, text = '']: RegExpExecArray): Word | undefined {
  if (!isKnownCharset(charset)) return undefined;
  const octets = encoding?.toUpperCase() === 'B' ? decodeBase64(text) : decodeQ(text);
  return { charset: charset.toLowerCase(), octets };
}

const decodeWord = (word: Word | undefined): string =>
  word === undefined ? '' : new TextDecoder(word.charset).decode(Uint8Array.from(word.octets));

/**
 * Decodes the encoded words of a header value. Blanks between two of them do not count; neighbours in one character set
 * are decoded together, since many senders split a character between two. A word in an unknown character set stays
 * as it is. Never throws.
 */
export function decodeHeaderText(value: string): string {
  let text = '';
  let end = 0;
  let last: Word | undefined;
  for (const match of value.matchAll(ENCODED_WORD)) {
    const word = readWord(match);
    if (word === undefined) continue;
    const between = value.slice(end, match.index);
    const isNeighbour = last !== undefined && /^[ \t]*$/.test(between);
    if (isNeighbour && last?.charset === word.charset) {
      for (const octet of word.octets) last.octets.push(octet);
    } else {
      text += decodeWord(last) + (isNeighbour ? '' : between);
      last = word;
    }
    end = match.index + match[0].length;
  }
  return text + decodeWord(last) + value.slice(end);
}
