/** Encoded words of RFC 2047: how header fields carry text beyond ASCII. */

const ENCODED_WORD = /=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=/g;

type Decoder = InstanceType<typeof TextDecoder>;

interface Word {
  readonly charset: string;
  readonly decoder: Decoder;
  readonly octets: number[];
}

function decodeBase64(text: string): number[] {
  const clean = text.replace(/[^A-Za-z0-9+/]/g, '');
  const binary = atob(clean.slice(0, clean.length - (clean.length % 4 === 1 ? 1 : 0)));
  return Array.from(binary, (character) => character.charCodeAt(0));
}

const utf8 = new TextEncoder();

/** What a hexadecimal digit stands for; NaN when the octet is none. */
function digit(octet: number | undefined): number {
  if (octet === undefined) return Number.NaN;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const lower = octet | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : Number.NaN;
}

function decodeQ(text: string): number[] {
  const octets: number[] = [];
  const raw = utf8.encode(text);
  for (let i = 0; i < raw.length; i += 1) {
    const octet = raw[i] ?? 0;
    const encoded = octet === 0x3d ? digit(raw[i + 1]) * 16 + digit(raw[i + 2]) : Number.NaN;
    if (!Number.isNaN(encoded)) {
      octets.push(encoded);
      i += 2;
    } else octets.push(octet === 0x5f ? 0x20 : octet);
  }
  return octets;
}

/** Decoders by character set, undefined for one that is unknown: to make one costs more than most words do. */
const decoders = new Map<string, Decoder | undefined>();
/** Names of character sets come from outside. */
const MAX_DECODERS = 100;

function makeDecoder(charset: string): Decoder | undefined {
  try {
    return new TextDecoder(charset);
  } catch {
    return undefined;
  }
}

function decoderOf(charset: string): Decoder | undefined {
  if (decoders.has(charset)) return decoders.get(charset);
  const made = makeDecoder(charset);
  if (decoders.size < MAX_DECODERS) decoders.set(charset, made);
  return made;
}

/** The octets of one match of {@link ENCODED_WORD}; undefined when its character set is unknown. */
function readWord([, charset = '', encoding, text = '']: RegExpExecArray): Word | undefined {
  const decoder = decoderOf(charset);
  if (decoder === undefined) return undefined;
  const octets = encoding?.toUpperCase() === 'B' ? decodeBase64(text) : decodeQ(text);
  return { charset: charset.toLowerCase(), decoder, octets };
}

const decodeWord = (word: Word | undefined): string =>
  word === undefined ? '' : word.decoder.decode(Uint8Array.from(word.octets));

/**
 * Decodes the encoded words of a header value. Blanks between two of them do not count; neighbours in one character set
 * are decoded together, since many senders split a character between two. A word in an unknown character set stays
 * as it is. Never throws.
 */
export function decodeHeaderText(value: string): string {
  if (!value.includes('=?')) return value;
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
