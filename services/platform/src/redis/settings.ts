import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type EnvReader, formatHostPort, type HostPort } from '../process/env-reader.ts';
import { errorText } from '../process/error-text.ts';
import { DEFAULT_KEY_PREFIX } from './keys.ts';

/** Who we are to a server. The file, where there is one, is read again for each connection: passwords rotate. */
export interface RedisUser {
  readonly username?: string;
  readonly password?: string;
  readonly passwordFile?: string;
}

/** TLS to every node, Sentinels included. The files are read again for each connection. */
export interface RedisTls {
  /** Authorities in place of the system's. */
  readonly caFile?: string;
  /** For servers that ask for a client certificate; both or none. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The name that certificates must be made out to, where it is not the address that was connected to. */
  readonly serverName?: string;
}

interface Access {
  /** In front of every key; in a Cluster its hash tag is what keeps them in one slot. */
  readonly keyPrefix: string;
  readonly user: RedisUser;
  /** Undefined: none, unless a URL says `rediss`. */
  readonly tls?: RedisTls;
}

/** Where Redis is and how it is spoken to, whichever way it is kept available. */
export type RedisSettings =
  /** `redis://`, `rediss://` or the path of a Unix socket; what the URL says of user and database goes first. */
  | (Access & { readonly mode: 'standalone'; readonly url: string; readonly database?: number })
  | (Access & {
      readonly mode: 'sentinel';
      readonly sentinels: readonly HostPort[];
      /** The name under which the Sentinels know the primary. */
      readonly master: string;
      readonly sentinelUser: RedisUser;
      readonly database: number;
    })
  | (Access & { readonly mode: 'cluster'; readonly nodes: readonly HostPort[] });

const DEFAULT_URL = 'redis://127.0.0.1:6379';
const MAX_DATABASE = 65_535;

/** A Redis at a URL, with a default for everything else. */
export const standaloneRedis = (url: string): RedisSettings => ({
  mode: 'standalone',
  url,
  keyPrefix: DEFAULT_KEY_PREFIX,
  user: {},
});

/** The URL with its passwords masked, fit for logs. */
export function redactRedisUrl(url: string): string {
  // Up to the last @: a password that was not percent-encoded may hold any character.
  return url
    .replace(/^(rediss?:\/\/[^:@/]*):.*@/, '$1:***@')
    .replace(/([?&][a-z]*password=)[^&]*/gi, '$1***');
}

/** Which Redis this is, in words fit for logs. */
export function describeRedis(settings: RedisSettings): string {
  switch (settings.mode) {
    case 'standalone':
      return `Redis at ${redactRedisUrl(settings.url)}`;
    case 'sentinel':
      return `Redis '${settings.master}' behind the Sentinels ${settings.sentinels.map(formatHostPort).join(', ')}`;
    case 'cluster':
      return `Redis Cluster at ${settings.nodes.map(formatHostPort).join(', ')}`;
  }
}

/** Reads the settings, the same for every process; each problem is noted with the reader. */
export function readRedisSettings(read: EnvReader): RedisSettings {
  const mode = read.oneOf('TDC_REDIS_MODE', ['standalone', 'sentinel', 'cluster'], 'standalone');
  const url = read.optionalText('TDC_REDIS_URL') === undefined ? undefined : read.redisUrl('TDC_REDIS_URL');
  const nodes = read.hostPorts('TDC_REDIS_NODES');
  const database = read.optionalInteger('TDC_REDIS_DATABASE', { min: 0, max: MAX_DATABASE });
  const keyPrefix = read.text('TDC_REDIS_KEY_PREFIX', { default: DEFAULT_KEY_PREFIX });
  const user = readUser(read, 'TDC_REDIS_USERNAME', 'TDC_REDIS_PASSWORD_FILE', 'TDC_REDIS_PASSWORD');
  const master = read.optionalText('TDC_REDIS_SENTINEL_MASTER');
  const sentinelUser = readUser(read, 'TDC_REDIS_SENTINEL_USERNAME', 'TDC_REDIS_SENTINEL_PASSWORD_FILE');
  const tls = readTls(read, url?.startsWith('rediss://') ?? false);
  const access: Access = { keyPrefix, user, ...(tls === undefined ? {} : { tls }) };

  if (mode !== 'sentinel') refuseSentinelOnly(read, master, sentinelUser);
  if (mode === 'standalone') {
    refuseForStandalone(read, { url, nodes, database, user });
    const [node] = nodes;
    const at = url ?? (node === undefined ? DEFAULT_URL : `redis://${formatHostPort(node)}`);
    return { ...access, mode, url: at, ...(database === undefined ? {} : { database }) };
  }
  if (url !== undefined) {
    read.refuse(
      `TDC_REDIS_URL names one server, and TDC_REDIS_MODE is ${mode}: name them in TDC_REDIS_NODES`,
    );
  }
  if (nodes.length === 0) {
    const what = mode === 'sentinel' ? 'the Sentinels' : 'some nodes of the Cluster';
    read.refuse(`TDC_REDIS_NODES is not set: it must name ${what}, host:port,host:port`);
  }
  if (mode === 'cluster') {
    if (database !== undefined && database > 0) {
      read.refuse(`TDC_REDIS_DATABASE is ${database}: a Redis Cluster has database 0 alone`);
    }
    if (!/\{[^}]+\}/.test(keyPrefix)) {
      read.refuse('TDC_REDIS_KEY_PREFIX must hold a name in braces in a Redis Cluster, as {tdc} does');
    }
    return { ...access, mode, nodes };
  }
  if (master === undefined) {
    read.refuse(
      'TDC_REDIS_SENTINEL_MASTER is not set: it must be the name that the Sentinels give the primary',
    );
  }
  return { ...access, mode, sentinels: nodes, master: master ?? '', sentinelUser, database: database ?? 0 };
}

function readUser(read: EnvReader, nameOf: string, fileOf: string, passwordOf?: string): RedisUser {
  const username = read.optionalText(nameOf);
  const passwordFile = read.optionalFile(fileOf, 'the password');
  const password = passwordOf === undefined ? undefined : read.optionalText(passwordOf);
  if (password !== undefined && passwordFile !== undefined) {
    read.refuse(`${passwordOf} and ${fileOf} are both set: one of them is enough`);
  }
  if (username !== undefined && password === undefined && passwordFile === undefined) {
    read.refuse(`${nameOf} is set without a password: name its file in ${fileOf}`);
  }
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
  };
}

function readTls(read: EnvReader, impliedByUrl: boolean): RedisTls | undefined {
  const wanted = read.boolean('TDC_REDIS_TLS', false) || impliedByUrl;
  const caFile = read.optionalFile('TDC_REDIS_TLS_CA_FILE', 'the authorities of Redis (PEM)');
  const certFile = read.optionalFile('TDC_REDIS_TLS_CERT_FILE', 'our certificate for Redis (PEM)');
  const keyFile = read.optionalFile('TDC_REDIS_TLS_KEY_FILE', 'the private key of that certificate (PEM)');
  const serverName = read.optionalText('TDC_REDIS_TLS_SERVER_NAME');
  const tls: RedisTls = {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(serverName === undefined ? {} : { serverName }),
  };
  if (!wanted) {
    if (Object.keys(tls).length > 0) {
      read.refuse('TDC_REDIS_TLS_… is set and TLS is not: set TDC_REDIS_TLS=true, or make the URL rediss://');
    }
    return undefined;
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    read.refuse('TDC_REDIS_TLS_CERT_FILE and TDC_REDIS_TLS_KEY_FILE go together: one of them is not set');
  } else {
    const problem = problemWithFiles(tls);
    if (problem !== undefined) read.refuse(`the files of TDC_REDIS_TLS_… cannot be used: ${problem}`);
  }
  return tls;
}

/** What TLS itself says of the files; undefined when they can be used, and when they were refused already. */
function problemWithFiles({ caFile, certFile, keyFile }: RedisTls): string | undefined {
  const contents: Buffer[] = [];
  try {
    for (const file of [caFile, certFile, keyFile]) contents.push(readFile(file));
  } catch {
    return undefined;
  }
  const [ca, cert, key] = contents;
  if (caFile !== undefined && !ca?.includes('-----BEGIN CERTIFICATE-----'))
    return `${caFile} holds no certificate`;
  try {
    createSecureContext({
      ...(certFile === undefined ? {} : { cert, key }),
      ...(caFile === undefined ? {} : { ca }),
    });
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}

const readFile = (file: string | undefined): Buffer =>
  file === undefined ? Buffer.alloc(0) : readFileSync(file);

function refuseSentinelOnly(read: EnvReader, master: string | undefined, user: RedisUser): void {
  if (master !== undefined || Object.keys(user).length > 0) {
    read.refuse('TDC_REDIS_SENTINEL_… is set and TDC_REDIS_MODE is not sentinel');
  }
}

function refuseForStandalone(
  read: EnvReader,
  {
    url,
    nodes,
    database,
    user,
  }: {
    readonly url: string | undefined;
    readonly nodes: readonly HostPort[];
    readonly database: number | undefined;
    readonly user: RedisUser;
  },
): void {
  if (url === undefined) {
    if (nodes.length > 1) {
      read.refuse(
        `TDC_REDIS_NODES names ${nodes.length} servers and TDC_REDIS_MODE is standalone: it must be sentinel or cluster`,
      );
    }
    return;
  }
  if (nodes.length > 0) read.refuse('TDC_REDIS_URL and TDC_REDIS_NODES are both set: one of them is enough');
  if (database !== undefined && /^rediss?:.*(\/\d+$|[?&]db=)/.test(url)) {
    read.refuse('TDC_REDIS_DATABASE is set and TDC_REDIS_URL names a database, too: one of them is enough');
  }
  if (Object.keys(user).length > 0 && /^rediss?:\/\/.*@|[?&]password=/.test(url)) {
    read.refuse('TDC_REDIS_URL holds a user, and TDC_REDIS_USERNAME or TDC_REDIS_PASSWORD… is set, too');
  }
}
