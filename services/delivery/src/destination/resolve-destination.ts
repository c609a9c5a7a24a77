import { Resolver } from 'node:dns/promises';
import {
  type CopyRoute,
  type DeliveryFailure,
  type DnsFailureCode,
  isHardDnsFailure,
  parseAddress,
  parseIpAddress,
} from '@tdc/core';
import { formatHostPort, type HostPort } from '@tdc/platform';

type DnsFailure = Extract<DeliveryFailure, { kind: 'dns' }>;

/** One address to connect to. */
export interface Candidate {
  readonly address: string;
  /** The MX host, or the host that the intake names: what a certificate is checked against. */
  readonly hostName: string;
  /** MX preference; addresses of equal preference are as good as each other. */
  readonly preference: number;
}

export type Resolution =
  | {
      readonly kind: 'resolved';
      /** Best first; hosts of equal cost in random order, so that load is shared (RFC 5321 §5.1). */
      readonly candidates: readonly Candidate[];
      readonly mxRecords: readonly { readonly exchange: string; readonly priority: number }[];
    }
  | { readonly kind: 'failed'; readonly failure: DnsFailure };

export type ResolveDestination = (route: CopyRoute) => Promise<Resolution>;

export interface ResolverOptions {
  /** Empty: the system's. */
  readonly servers: readonly HostPort[];
  readonly random: () => number;
  readonly now: () => number;
}

const QUERY_TIMEOUT_MS = 2000;
const QUERY_TRIES = 2;
/** Answers are kept for less than half a copy's life; failures are not kept at all. */
const CACHE_MS = 30_000;

const CODES: Readonly<Record<string, DnsFailureCode>> = {
  ENOTFOUND: 'NXDomain',
  ENODATA: 'NoAddress',
  ESERVFAIL: 'ServFail',
  EREFUSED: 'Refused',
  ETIMEOUT: 'Timeout',
  ECONNREFUSED: 'Refused',
  // No name at all: nobody can ever be asked for it.
  EBADNAME: 'NXDomain',
};

type Answer<T> = { readonly records: readonly T[] } | { readonly code: DnsFailureCode };

async function ask<T>(query: Promise<T[]>): Promise<Answer<T>> {
  try {
    return { records: await query };
  } catch (error) {
    return { code: CODES[(error as NodeJS.ErrnoException).code ?? ''] ?? 'ServFail' };
  }
}

/**
 * Finds where copies for an intake go: its `host`, or the MX of its address, or the domain itself when it has no MX
 * (RFC 5321 §5.1). An authoritative "no" is a hard error, anything else a temporary one (spec §5).
 */
export function createResolveDestination(options: ResolverOptions): ResolveDestination {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  if (options.servers.length > 0) resolver.setServers(options.servers.map(formatHostPort));
  const cache = new Map<string, { readonly until: number; readonly resolution: Resolution }>();

  /** Both families; either is enough. */
  const addressesOf = async (hostName: string): Promise<Answer<string>> => {
    if (parseIpAddress(hostName) !== undefined) return { records: [hostName] };
    if (hostName === 'localhost') return { records: ['127.0.0.1'] };
    const [v6, v4] = await Promise.all([ask(resolver.resolve6(hostName)), ask(resolver.resolve4(hostName))]);
    const records = [v6, v4].flatMap((answer) => ('records' in answer ? answer.records : []));
    if (records.length > 0) return { records };
    const temporary = [v6, v4].find((answer) => 'code' in answer && !isHardDnsFailure(answer.code));
    return temporary ?? ('code' in v4 ? v4 : { code: 'NoAddress' });
  };

  const single = async (name: string): Promise<Resolution> => {
    const hostName = name.replace(/^\[(?:IPv6:)?(.*)\]$/i, '$1');
    const answer = await addressesOf(hostName);
    if ('code' in answer) return failed(hostName, 'A', answer.code);
    const candidates = answer.records.map((address) => ({ address, hostName, preference: 0 }));
    return { kind: 'resolved', candidates, mxRecords: [] };
  };

  const byMx = async (domain: string): Promise<Resolution> => {
    const answer = await ask(resolver.resolveMx(domain));
    if ('code' in answer)
      return answer.code === 'NoAddress' ? single(domain) : failed(domain, 'MX', answer.code);
    if (answer.records.every(({ exchange }) => exchange === '' || exchange === '.'))
      return failed(domain, 'MX', 'NullMX');
    const mxRecords = answer.records
      .filter(({ exchange }) => exchange !== '' && exchange !== '.')
      .map(({ exchange, priority }) => ({ exchange, priority }))
      .toSorted((a, b) => a.priority - b.priority);
    const hosts = await Promise.all(mxRecords.map(({ exchange }) => addressesOf(exchange)));
    const candidates = mxRecords.flatMap(({ exchange, priority }, index) => {
      const found = hosts[index];
      const records = found !== undefined && 'records' in found ? found.records : [];
      return records.map((address) => ({ address, hostName: exchange, preference: priority }));
    });
    if (candidates.length > 0) return { kind: 'resolved', candidates, mxRecords };
    const temporary = hosts.find((host) => 'code' in host && !isHardDnsFailure(host.code));
    return failed(domain, 'A', temporary !== undefined && 'code' in temporary ? temporary.code : 'NoAddress');
  };

  const find = async ({ host, address }: CopyRoute): Promise<Resolution> => {
    const { domain } = parseAddress(address);
    if (host !== undefined) return single(host);
    return parseIpAddress(domain) === undefined ? byMx(domain) : single(domain);
  };

  /** Several connections are opened at once: they share one question. */
  const asked = new Map<string, Promise<Resolution>>();
  const findOnce = (key: string, route: CopyRoute): Promise<Resolution> => {
    const running = asked.get(key);
    if (running !== undefined) return running;
    const found = find(route).finally(() => asked.delete(key));
    asked.set(key, found);
    return found;
  };

  return async (route) => {
    const key = `${route.host ?? ''} ${parseAddress(route.address).domain}`;
    const known = cache.get(key);
    const isFresh = known !== undefined && known.until > options.now();
    const resolution = isFresh ? known.resolution : await findOnce(key, route);
    if (resolution.kind === 'failed') {
      cache.delete(key);
      return resolution;
    }
    if (!isFresh) cache.set(key, { until: options.now() + CACHE_MS, resolution });
    return { ...resolution, candidates: ordered(resolution.candidates, options.random) };
  };
}

const failed = (domain: string, record: 'MX' | 'A', code: DnsFailureCode): Resolution => ({
  kind: 'failed',
  failure: { kind: 'dns', domain, record, code },
});

/** Best first; candidates of equal preference in random order. */
const ordered = (candidates: readonly Candidate[], random: () => number): Candidate[] =>
  candidates
    .map((candidate) => ({ candidate, order: random() }))
    .sort((a, b) => a.candidate.preference - b.candidate.preference || a.order - b.order)
    .map(({ candidate }) => candidate);
