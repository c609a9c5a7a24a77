import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/**
 * What the server says about one name; a name it does not know does not exist (NXDOMAIN), and a type that a known name lacks
 * has no data.
 */
export interface DnsName {
  /** An exchange of '' with preference 0 is the null MX. */
  readonly mx?: readonly { readonly exchange: string; readonly preference: number }[];
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** Another name for what stands there; its records are part of the answer. */
  readonly cname?: string;
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

const TYPES = { A: 1, CNAME: 5, MX: 15, AAAA: 28 } as const;
const CODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const TTL_SECONDS = 1;
/** Response, authoritative, recursion desired and available. */
const FLAGS = 0x8580;
const TRUNCATED = 0x0200;
/** What every resolver takes over UDP (RFC 1035 §4.2.1). */
const MAX_UDP_BYTES = 512;
const MAX_ALIASES = 8;

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

function resourceRecord(name: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(TTL_SECONDS, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(name), fixed, data]);
}

interface Lookup {
  readonly code: keyof typeof CODES | 'silence';
  readonly records: readonly Buffer[];
}

/** What is known of a name, behind its aliases. */
function lookUp(name: string, type: number, names: ReadonlyMap<string, DnsName>): Lookup {
  const records: Buffer[] = [];
  let at = name;
  for (let step = 0; step < MAX_ALIASES; step += 1) {
    const known = names.get(at);
    const code = known === undefined ? 'NXDOMAIN' : known.fail;
    if (known === undefined || code !== undefined) return { code: code ?? 'NXDOMAIN', records };
    if (known.cname === undefined) {
      records.push(...recordData(type, known).map((data) => resourceRecord(at, type, data)));
      return { code: 'NOERROR', records };
    }
    records.push(resourceRecord(at, TYPES.CNAME, encodeName(known.cname)));
    if (type === TYPES.CNAME) return { code: 'NOERROR', records };
    at = known.cname.toLowerCase();
  }
  return { code: 'SERVFAIL', records: [] };
}

/** The answer to a query; undefined for silence. One that is longer than `maxBytes` says so and is empty. */
function answerTo(
  query: Buffer,
  names: ReadonlyMap<string, DnsName>,
  { seen, maxBytes }: { readonly seen: string[]; readonly maxBytes: number },
): Buffer | undefined {
  if (query.length < 17) return undefined;
  const { name, end } = readName(query, 12);
  const type = query.readUInt16BE(end);
  const kind = Object.entries(TYPES).find(([, number]) => number === type)?.[0] ?? String(type);
  seen.push(`${kind} ${name}`);
  const { code, records } = lookUp(name, type, names);
  if (code === 'silence') return undefined;
  const question = query.subarray(12, end + 4);
  const length = records.reduce((sum, record) => sum + record.length, 12 + question.length);
  const fits = length <= maxBytes;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(FLAGS | CODES[code] | (fits ? 0 : TRUNCATED), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(fits ? records.length : 0, 6);
  return Buffer.concat([header, question, ...(fits ? records : [])]);
}

/** Answers queries over TCP, each behind its length (RFC 1035 §4.2.2). */
function serveStream(socket: Socket, answer: (query: Buffer) => Buffer | undefined): void {
  let input = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    input = Buffer.concat([input, chunk]);
    while (input.length >= 2 && input.length >= 2 + input.readUInt16BE(0)) {
      const end = 2 + input.readUInt16BE(0);
      const reply = answer(input.subarray(2, end));
      input = input.subarray(end);
      if (reply === undefined) continue;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([length, reply]));
    }
  });
}

/** A name server on a free port of 127.0.0.1 that knows the names it was given and no others. */
export async function startDnsServer(names: Readonly<Record<string, DnsName>> = {}): Promise<DnsServer> {
  const known = new Map(Object.entries(names).map(([name, records]) => [name.toLowerCase(), records]));
  const queries: string[] = [];
  const answer = (maxBytes: number) => (query: Buffer) => answerTo(query, known, { seen: queries, maxBytes });
  const sockets = new Set<Socket>();
  const stream = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serveStream(socket, answer(0xffff));
  });
  const { datagram, port } = await bindBoth(stream);
  datagram.on('message', (query, peer) => {
    const reply = answer(MAX_UDP_BYTES)(query);
    if (reply !== undefined) datagram.send(reply, peer.port, peer.address);
  });
  return {
    address: `127.0.0.1:${port}`,
    set: (name, records) => void known.set(name.toLowerCase(), records),
    queries,
    async close() {
      const closed = [once(datagram, 'close'), once(stream, 'close')];
      datagram.close();
      stream.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

const BIND_TRIES = 10;

/** Binds the stream server and a datagram socket to one port number; a number that one of them has may be another's. */
async function bindBoth(stream: ReturnType<typeof createServer>) {
  for (let left = BIND_TRIES; ; left -= 1) {
    stream.listen(0, '127.0.0.1');
    await once(stream, 'listening');
    const { port } = stream.address() as AddressInfo;
    const datagram = createSocket('udp4');
    try {
      datagram.bind(port, '127.0.0.1');
      await once(datagram, 'listening');
      return { datagram, port };
    } catch (error) {
      datagram.close();
      stream.close();
      await once(stream, 'close');
      if (left === 0) throw error;
    }
  }
}
