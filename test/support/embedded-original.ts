/** What a received copy holds, read as simply as can be: independent of the code that made it. */

export interface JournalParts {
  /** The outer header section, unfolded, by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** Lines of the report, decoded. */
  readonly report: readonly string[];
  /** Type of the part with the original. */
  readonly originalType: string;
  /** The original, octet for octet. */
  readonly original: Buffer;
}

function splitHeader(octets: Buffer): {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
} {
  const end = octets.indexOf('\r\n\r\n');
  const text = octets.toString('latin1', 0, end < 0 ? octets.length : end);
  const headers = new Map<string, string>();
  for (const line of text.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return { headers, body: end < 0 ? Buffer.alloc(0) : octets.subarray(end + 4) };
}

const decodeQuotedPrintable = (text: string): string =>
  Buffer.from(
    text
      .replace(/=\r\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('utf8');

/** Takes a copy of format *journal* apart. */
export function readJournal(copy: Buffer): JournalParts {
  const { headers, body } = splitHeader(copy);
  const boundary = /boundary="([^"]+)"/.exec(headers.get('content-type') ?? '')?.[1];
  if (boundary === undefined) throw new Error('the copy has no boundary');
  const delimiter = Buffer.from(`--${boundary}`);
  const first = body.indexOf(delimiter);
  const second = body.indexOf(`\r\n--${boundary}`, first + 1);
  const last = body.lastIndexOf(`\r\n--${boundary}--`);
  const report = splitHeader(body.subarray(first + delimiter.length + 2, second));
  const part = splitHeader(body.subarray(second + delimiter.length + 4, last));
  const text = report.body.toString('latin1');
  const isQuoted = report.headers.get('content-transfer-encoding') === 'quoted-printable';
  const isBase64 = part.headers.get('content-transfer-encoding') === 'base64';
  return {
    headers,
    report: (isQuoted ? decodeQuotedPrintable(text) : text).split('\r\n').filter((line) => line !== ''),
    originalType: part.headers.get('content-type') ?? '',
    original: isBase64 ? Buffer.from(part.body.toString('latin1'), 'base64') : part.body,
  };
}

/** Header fields that format *bcc* prepends. */
const PREPENDED = /^(X-CSE-(ClientIP|MailFrom|RcptTo|MsgDirection)|X-IronPort-RemoteIP|X-TDC-[A-Za-z-]+):/;

/** The original in a copy of format *bcc*: what stands behind the prepended fields. */
export function originalOfBcc(copy: Buffer): Buffer {
  let at = 0;
  let inField = false;
  for (;;) {
    const end = copy.indexOf('\r\n', at);
    const line = copy.toString('latin1', at, end);
    const continues = inField && /^[ \t]/.test(line);
    if (end < 0 || (!continues && !PREPENDED.test(line))) return copy.subarray(at);
    inField = true;
    at = end + 2;
  }
}
