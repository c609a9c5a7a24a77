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

interface RawField {
  readonly name: string;
  readonly parts: string[];
}

/** Any visible ASCII but the colon (RFC 5322 §2.2). */
const FIELD_NAME = /^[!-9;-~]+$/;

/**
 * Reads a header section as leniently as mail demands: CRLF or bare LF, folded lines, blanks before the colon, any
 * octets. A line that is no field is passed over, with its continuations. Never throws; linear in its input.
 */
export function parseHeaderFields(octets: Uint8Array): HeaderSection {
  const raw: RawField[] = [];
  let open: RawField | undefined;
  let offset = 0;
  while (offset < octets.length) {
    const newline = octets.indexOf(LF, offset);
    const end = newline < 0 ? octets.length : newline;
    const lineEnd = end > offset && octets[end - 1] === CR ? end - 1 : end;
    const next = newline < 0 ? octets.length : newline + 1;
    if (lineEnd === offset && newline >= 0) return { fields: raw.map(toField), bodyOffset: next };
    const line = decodeOctets(octets.subarray(offset, lineEnd));
    if (/^[ \t]/.test(line)) open?.parts.push(line.replace(/^[ \t]+/, ' '));
    else {
      const colon = line.indexOf(':');
      const name = line.slice(0, Math.max(colon, 0)).trimEnd();
      open = FIELD_NAME.test(name) ? { name, parts: [line.slice(colon + 1)] } : undefined;
      if (open !== undefined) raw.push(open);
    }
    offset = next;
  }
  return { fields: raw.map(toField), bodyOffset: octets.length };
}

const toField = ({ name, parts }: RawField): HeaderField => ({
  name,
  value: parts.join('').trim(),
});

/** The values of all fields of that name, top down. */
export function headerValues(fields: readonly HeaderField[], name: string): readonly string[] {
  const wanted = name.toLowerCase();
  const values: string[] = [];
  for (const field of fields) {
    if (field.name.length === wanted.length && field.name.toLowerCase() === wanted) values.push(field.value);
  }
  return values;
}

/** The value of the topmost field of that name. */
export const headerValue = (fields: readonly HeaderField[], name: string): string | undefined =>
  headerValues(fields, name)[0];

/** The Message-ID header, '' when the message has none (spec §7). */
export const messageIdOf = (fields: readonly HeaderField[]): string =>
  headerValue(fields, 'Message-ID') ?? '';

/** The Subject header, decoded; '' when the message has none. */
export const subjectOf = (fields: readonly HeaderField[]): string =>
  decodeHeaderText(headerValue(fields, 'Subject') ?? '');
