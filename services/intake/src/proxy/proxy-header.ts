import { isIPv4, isIPv6 } from 'node:net';

/**
 * The header that a proxy puts in front of a connection, versions 1 (a line) and 2 (binary), as "The PROXY protocol" of
 * HAProxy (2020/03/05) has it. A pure reader: octets in, what they are out.
 */

/** Who connected to the proxy. */
export interface ProxiedClient {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  /** A valid beginning; more octets are needed to tell. */
  | { readonly kind: 'incomplete' }
  /** `length` octets of header. `client` is undefined where the proxy speaks for itself: LOCAL, UNKNOWN, no IP address. */
  | { readonly kind: 'header'; readonly length: number; readonly client: ProxiedClient | undefined }
  /** `missing`: the octets do not even begin as a header does. `problem` names no octet of the peer's. */
  | {
      readonly kind: 'invalid';
      readonly reason: 'missing' | 'malformed';
      readonly problem: string;
    };

const V1_PREFIX = Buffer.from('PROXY ', 'latin1');
/** The longest line of version 1, CRLF included (§2.1). */
const V1_MAX_BYTES = 107;
const V1_UNKNOWN = /^PROXY UNKNOWN(?: [^\r\n]*)?$/;
const V1_TCP = /^PROXY (TCP[46]) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/;

const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEAD_BYTES = 16;
/** Room for addresses and every TLV in use, among them a client's certificate; the field itself could say 65535. */
const V2_MAX_BYTES = V2_HEAD_BYTES + 4096;

const INCOMPLETE = { kind: 'incomplete' } as const;
const malformed = (problem: string): ProxyHeader => ({ kind: 'invalid', reason: 'malformed', problem });

/** Reads the header that the octets begin with; what stands behind it is left alone. */
export function parseProxyHeader(octets: Buffer): ProxyHeader {
  if (beginsAs(octets, V1_PREFIX)) return octets.length < V1_PREFIX.length ? INCOMPLETE : parseLine(octets);
  if (beginsAs(octets, V2_SIGNATURE)) return octets.length < V2_HEAD_BYTES ? INCOMPLETE : parseBinary(octets);
  return { kind: 'invalid', reason: 'missing', problem: 'it does not begin with a PROXY header' };
}

/** Whether one is the beginning of the other. */
function beginsAs(octets: Buffer, prefix: Buffer): boolean {
  const length = Math.min(octets.length, prefix.length);
  return octets.subarray(0, length).equals(prefix.subarray(0, length));
}

function parseLine(octets: Buffer): ProxyHeader {
  const end = octets.subarray(0, V1_MAX_BYTES).indexOf('\n');
  if (end < 0)
    return octets.length < V1_MAX_BYTES ? INCOMPLETE : malformed('its PROXY header of version 1 is too long');
  if (octets[end - 1] !== 0x0d) return malformed('its PROXY header of version 1 does not end in CRLF');
  const line = octets.toString('latin1', 0, end - 1);
  const length = end + 1;
  if (V1_UNKNOWN.test(line)) return { kind: 'header', length, client: undefined };
  const [, family, source = '', target = '', port, targetPort] = V1_TCP.exec(line) ?? [];
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6;
  if (!isAddress(source) || !isAddress(target) || Number(port) > 65_535 || Number(targetPort) > 65_535)
    return malformed('its PROXY header of version 1 has no valid addresses and ports');
  return { kind: 'header', length, client: { address: source, port: Number(port) } };
}

/** Octets of the addresses and ports of each family over a stream (§2.2). */
const STREAM_BLOCK_BYTES: Readonly<Record<number, number>> = { 0: 0, 17: 12, 33: 36, 49: 216 };

function parseBinary(octets: Buffer): ProxyHeader {
  const command = octets.readUInt8(12);
  const family = octets.readUInt8(13);
  const blockBytes = octets.readUInt16BE(14);
  const length = V2_HEAD_BYTES + blockBytes;
  if (command !== 0x20 && command !== 0x21)
    return malformed('its PROXY header of version 2 has another version or command');
  if (length > V2_MAX_BYTES) return malformed('its PROXY header of version 2 is too long');
  // LOCAL: whatever the block holds is to be ignored, its family too.
  const neededBytes = command === 0x20 ? 0 : STREAM_BLOCK_BYTES[family];
  if (neededBytes === undefined)
    return malformed('its PROXY header of version 2 has another family or transport');
  if (blockBytes < neededBytes)
    return malformed('its PROXY header of version 2 is too short for its addresses');
  if (octets.length < length) return INCOMPLETE;
  const client = command === 0x20 ? undefined : binaryClient(family, octets.subarray(V2_HEAD_BYTES));
  return { kind: 'header', length, client };
}

/** The block's source; TLVs behind the addresses, a checksum among them, are left unread: TCP has its own. */
function binaryClient(family: number, block: Buffer): ProxiedClient | undefined {
  if (family === 0x11) return { address: block.subarray(0, 4).join('.'), port: block.readUInt16BE(8) };
  if (family !== 0x21) return undefined;
  const groups = Array.from({ length: 8 }, (_, index) => block.readUInt16BE(index * 2).toString(16));
  return { address: groups.join(':'), port: block.readUInt16BE(32) };
}
