import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a Redis server program is, or what to do about there being none. */
export type FoundRedis =
  | { readonly kind: 'found'; readonly program: string }
  | { readonly kind: 'missing'; readonly advice: string };

const OLDEST_MAJOR = 7;

/** The major version of a server program; 0 when it does not run. */
function majorVersion(program: string): number {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return Number(/\bv=(\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

const isUsable = (program: string): boolean => majorVersion(program) >= OLDEST_MAJOR;

/** Makes the program known in `folder` by the name that everybody calls. */
function linkAsRedis(program: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const link = join(folder, 'redis-server');
  rmSync(link, { force: true });
  symlinkSync(program, link);
  return link;
}

const onSearchPath = (name: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

/**
 * Debian's `redis-server` is a link to `redis-check-rdb` of redis-tools. Installing that package alone brings the program
 * without the service that would start with it.
 */
function installFromDebian(folder: string): string | undefined {
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return undefined;
  process.stderr.write('installing Redis (redis-tools) from Debian …\n');
  const apt = (...args: readonly string[]) =>
    spawnSync('apt-get', ['-qq', '-o=Dpkg::Use-Pty=0', '-o=DPkg::Lock::Timeout=300', ...args], {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  // Of several sources one that is away is no hindrance.
  apt('update');
  if (!apt('install', '-y', '--no-install-recommends', 'redis-tools')) return undefined;
  const real = '/usr/bin/redis-check-rdb';
  return existsSync(real) ? linkAsRedis(real, folder) : undefined;
}

/**
 * Finds a Redis server of version 7 or newer, or a Valkey, or installs one from Debian. The program's own name is always
 * `redis-server`; where the machine calls it otherwise, a link stands in `folder`.
 */
export function findRedisServer(folder: string): FoundRedis {
  for (const program of ['redis-server', join(folder, 'redis-server')]) {
    if (isUsable(program)) return { kind: 'found', program };
  }
  const valkey = onSearchPath('valkey-server');
  if (valkey !== undefined && isUsable(valkey))
    return { kind: 'found', program: linkAsRedis(valkey, folder) };
  const installed = installFromDebian(folder);
  if (installed !== undefined && isUsable(installed)) return { kind: 'found', program: installed };
  return {
    kind: 'missing',
    advice:
      `no redis-server of version ${OLDEST_MAJOR} or newer was found. Install one (Debian: apt-get install redis-server), ` +
      'or name a running one in TDC_REDIS_URL',
  };
}
