import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** What the server says about one name; a name it does not know does not exist (NXDOMAIN). */
export interface DnsName {
  /** An exchange of '' with preference 0 is the null MX. */
  readonly mx?: readonly { readonly exchange: string; readonly preference: number }[];
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** Instead of an answer. `silence`: none comes at all. */
  readonly fail?: 'SERVFAIL' | 'REFUSED' | 'NXDOMAIN' | 'silence';
}

export interface DnsServer {
  /** `127.0.0.1:port`, as `TDC_DNS_SERVERS` takes it. */
  readonly address: string;
  /** Changes what is said about a name from now on. */
  set(name: string, records: DnsName): void;
  /** `type name` of every query so far. */
  readonly queries: readonly string[];
  close(): Promise<void>;
}

const TYPES = { A: 1, MX: 15, AAAA: 28 } as const;
const CODES = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const TTL_SECONDS = 1;

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}

function readName(packet: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = packet[at] ?? 0; length > 0; length = packet[at] ?? 0) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function ipv6Octets(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string) => text.split(':').filter((group) => group !== '');
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...groups(tail)];
  return Buffer.concat(all.map((group) => Buffer.from(group.padStart(4, '0'), 'hex')));
}

function recordData(type: number, records: DnsName): readonly Buffer[] {
  if (type === TYPES.MX) {
    return (records.mx ?? []).map(({ exchange, preference }) => {
      const head = Buffer.alloc(2);
      head.writeUInt16BE(preference);
      return Buffer.concat([head, encodeName(exchange)]);
    });
  }
  if (type === TYPES.A)
    return (records.a ?? []).map((address) => Buffer.from(address.split('.').map(Number)));
  return type === TYPES.AAAA ? (records.aaaa ?? []).map(ipv6Octets) : [];
}

/** The answer to a query; undefined for silence. */
function answerTo(query: Buffer, names: ReadonlyMap<string, DnsName>, seen: string[]): Buffer | undefined {
  const { name, end } = readName(query, 12);
  const type = query.readUInt16BE(end);
  const kind = Object.entries(TYPES).find(([, number]) => number === type)?.[0] ?? String(type);
  seen.push(`${kind} ${name}`);
  const records = names.get(name);
  const fail = records === undefined ? 'NXDOMAIN' : records.fail;
  if (fail === 'silence') return undefined;
  const data = records === undefined || fail !== undefined ? [] : recordData(type, records);
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8580 | (fail === undefined ? 0 : CODES[fail]), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(data.length, 6);
  const answers = data.map((octets) => {
    const fixed = Buffer.alloc(12);
    fixed.writeUInt16BE(0xc00c, 0);
    fixed.writeUInt16BE(type, 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt32BE(TTL_SECONDS, 6);
    fixed.writeUInt16BE(octets.length, 10);
    return Buffer.concat([fixed, octets]);
  });
  return Buffer.concat([header, query.subarray(12, end + 4), ...answers]);
}

/** A name server on a free port of 127.0.0.1 that knows the names it was given and no others. */
export async function startDnsServer(names: Readonly<Record<string, DnsName>> = {}): Promise<DnsServer> {
  const known = new Map(Object.entries(names).map(([name, records]) => [name.toLowerCase(), records]));
  const queries: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, peer) => {
    const answer = query.length < 17 ? undefined : answerTo(query, known, queries);
    if (answer !== undefined) socket.send(answer, peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    set: (name, records) => void known.set(name.toLowerCase(), records),
    queries,
    async close() {
      socket.close();
      await once(socket, 'close');
    },
  };
}
