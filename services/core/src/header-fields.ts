import { decodeHeaderText } from './encoded-words.ts';

/** One field of a header section (RFC 5322 §2.2), in the order of the message. */
export interface HeaderField {
  /** As it was written. */
  readonly name: string;
  /** Unfolded, without the blanks around it; encoded words are left as they are. */
  readonly value: string;
}

export interface HeaderSection {
  readonly fields: readonly HeaderField[];
  /** Where the body begins; the length of the input when no empty line was found. */
  readonly bodyOffset: number;
}

const LF = 0x0a;
const CR = 0x0d;
const BLANK = 0x20;
const TAB = 0x09;
const MARK = [0xef, 0xbb, 0xbf];

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const latin1 = new TextDecoder('latin1');

/** UTF-8 where it is UTF-8, else one character per octet: raw 8-bit headers come in both. */
function decodeOctets(octets: Uint8Array): string {
  try {
    return strictUtf8.decode(octets);
  } catch {
    return latin1.decode(octets);
  }
}

/** The section as text, one character for each octet; undefined where it holds more than ASCII. */
function asciiOf(section: Uint8Array): string | undefined {
  try {
    const text = strictUtf8.decode(section);
    return text.length === section.length ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The end of each line, where its LF is or the input ends, and where the body begins. */
function linesOf(octets: Uint8Array): { readonly ends: readonly number[]; readonly bodyOffset: number } {
  const ends: number[] = [];
  for (let offset = 0; offset < octets.length; ) {
    const newline = octets.indexOf(LF, offset);
    if (newline < 0) {
      ends.push(octets.length);
      break;
    }
    if (newline === offset || (newline === offset + 1 && octets[offset] === CR))
      return { ends, bodyOffset: newline + 1 };
    ends.push(newline);
    offset = newline + 1;
  }
  return { ends, bodyOffset: octets.length };
}

/** Where the text of a line ends: its CR is none of it. */
const textEnd = (octets: Uint8Array, offset: number, end: number): number =>
  end > offset && octets[end - 1] === CR ? end - 1 : end;

interface OpenField {
  readonly name: string;
  value: string;
}

/** Any visible ASCII but the colon (RFC 5322 §2.2). */
const FIELD_NAME = /^[!-9;-~]+$/;

/** The field that a line opens; undefined when it is none. */
function openField(line: string): OpenField | undefined {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0)).trimEnd();
  return FIELD_NAME.test(name) ? { name, value: line.slice(colon + 1) } : undefined;
}

/** Where the text of a line begins: a byte order mark is none of it, as decoding has it. */
const behindMark = (octets: Uint8Array, offset: number): number =>
  offset + (MARK.every((octet, index) => octets[offset + index] === octet) ? MARK.length : 0);

/** What a continuation adds to its field. */
const unfolded = (line: string): string => line.replace(/^[ \t]+/, ' ');

const isFold = (line: string): boolean => line.startsWith(' ') || line.startsWith('\t');

/**
 * Reads a header section as leniently as mail demands: CRLF or bare LF, folded lines, blanks before the colon, any
 * octets. A line that is no field is passed over, with its continuations. Never throws; linear in its input.
 */
export function parseHeaderFields(octets: Uint8Array): HeaderSection {
  const { ends, bodyOffset } = linesOf(octets);
  // Decoding costs more by the call than by the octet. Beyond ASCII each line has its own encoding.
  const text = asciiOf(octets.subarray(0, ends.at(-1) ?? 0));
  const fields: OpenField[] = [];
  let open: OpenField | undefined;
  let offset = 0;
  for (const end of ends) {
    const lineEnd = textEnd(octets, offset, end);
    const line =
      text === undefined ? decodeOctets(octets.subarray(offset, lineEnd)) : text.slice(offset, lineEnd);
    offset = end + 1;
    if (isFold(line)) {
      if (open !== undefined) open.value += unfolded(line);
      continue;
    }
    open = openField(line);
    if (open !== undefined) fields.push(open);
  }
  for (const field of fields) field.value = field.value.trim();
  return { fields, bodyOffset };
}

/**
 * The value of the topmost field of that name, as {@link parseHeaderFields} reads it, without reading the others: a
 * fraction of the cost where one field is wanted.
 */
export function findHeaderValue(octets: Uint8Array, name: string): string | undefined {
  const wanted = name.toLowerCase();
  const [small, capital] = [wanted.charCodeAt(0), name.toUpperCase().charCodeAt(0)];
  let found: OpenField | undefined;
  let offset = 0;
  for (const end of linesOf(octets).ends) {
    const first = octets[behindMark(octets, offset)];
    if (found !== undefined && first !== BLANK && first !== TAB) break;
    if (found !== undefined || first === small || first === capital) {
      const line = decodeOctets(octets.subarray(offset, textEnd(octets, offset, end)));
      if (found !== undefined) found.value += unfolded(line);
      else found = ifNamed(openField(line), wanted);
    }
    offset = end + 1;
  }
  return found?.value.trim();
}

const isNamed = ({ name }: HeaderField, wanted: string): boolean =>
  name.length === wanted.length && name.toLowerCase() === wanted;

const ifNamed = (field: OpenField | undefined, wanted: string): OpenField | undefined =>
  field !== undefined && isNamed(field, wanted) ? field : undefined;

/** The values of all fields of that name, top down. */
export function headerValues(fields: readonly HeaderField[], name: string): readonly string[] {
  const wanted = name.toLowerCase();
  const values: string[] = [];
  for (const field of fields) {
    if (isNamed(field, wanted)) values.push(field.value);
  }
  return values;
}

/** The value of the topmost field of that name. */
export function headerValue(fields: readonly HeaderField[], name: string): string | undefined {
  const wanted = name.toLowerCase();
  return fields.find((field) => isNamed(field, wanted))?.value;
}

/** The Message-ID header, '' when the message has none (spec §7). */
export const messageIdOf = (fields: readonly HeaderField[]): string =>
  headerValue(fields, 'Message-ID') ?? '';

/** The Subject header, decoded; '' when the message has none. */
export const subjectOf = (fields: readonly HeaderField[]): string =>
  decodeHeaderText(headerValue(fields, 'Subject') ?? '');

/** The same of a header section that is of no other interest. */
export const findSubject = (octets: Uint8Array): string =>
  decodeHeaderText(findHeaderValue(octets, 'Subject') ?? '');
