/** IP addresses and networks in CIDR form, IPv4 and IPv6; an IPv4-mapped IPv6 address is its IPv4 address. */

export interface Network {
  readonly octets: readonly number[];
  readonly prefixLength: number;
}

/** Without leading zeros: some readers take those for octal numbers. */
const OCTET = '(0|[1-9]\\d{0,2})';
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);

function parseIpv4(text: string): number[] | undefined {
  const match = IPV4.exec(text);
  if (match === null) return undefined;
  const octets = [Number(match[1]), Number(match[2]), Number(match[3]), Number(match[4])];
  return octets.every((octet) => octet <= 255) ? octets : undefined;
}

/** The groups of one side of `::`; undefined when one is malformed. An IPv4 tail, at the end alone, counts as two. */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (isEnd && index === parts.length - 1 && part.includes('.')) {
      const tail = parseIpv4(part);
      if (tail === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = tail;
      groups.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '', halves.length === 1);
  const tail = parseGroups(halves[1] ?? '', true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return groups.flatMap((group) => [group >> 8, group & 255]);
}

const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

/**
 * The octets of an address, 4 or 16; undefined when the text is none. A zone (`%eth0`), brackets and the `IPv6:` of SMTP
 * and XCLIENT are dropped.
 */
export function parseIpAddress(text: string): readonly number[] | undefined {
  const plain = parseIpv4(text);
  if (plain !== undefined) return plain;
  const inside = /^\[(.*)\]$/s.exec(text)?.[1] ?? text;
  const bare = inside.replace(/^IPv6:/i, '').replace(/%.*$/s, '');
  if (!bare.includes(':')) return parseIpv4(bare);
  const octets = parseIpv6(bare);
  if (octets === undefined) return undefined;
  return MAPPED_PREFIX.every((octet, index) => octets[index] === octet) ? octets.slice(12) : octets;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or a single address; undefined when the text is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', length, ...rest] = text.trim().split('/');
  const octets = parseIpAddress(address);
  if (octets === undefined || rest.length > 0) return undefined;
  const bits = octets.length * 8;
  if (length === undefined) return { octets, prefixLength: bits };
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) return undefined;
  return { octets, prefixLength: Number(length) };
}

function holds(network: Network, octets: readonly number[]): boolean {
  if (octets.length !== network.octets.length) return false;
  return octets.every((octet, index) => {
    const bits = Math.min(8, Math.max(0, network.prefixLength - index * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (octet & mask) === ((network.octets[index] ?? 0) & mask);
  });
}

/** Whether one of the networks holds the address; an address that cannot be read is in no network. */
export function isInNetworks(address: string, networks: readonly Network[]): boolean {
  if (networks.length === 0) return false;
  const octets = parseIpAddress(address);
  return octets !== undefined && networks.some((network) => holds(network, octets));
}

/** Whether the network holds the address; an address that cannot be read is in no network. */
export const networkContains = (network: Network, address: string): boolean =>
  isInNetworks(address, [network]);
