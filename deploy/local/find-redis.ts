import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

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

/**
 * Debian's `redis-server` is a link to `redis-check-rdb` of redis-tools. Installing that package alone brings the program
 * without the service that would start with it.
 */
function installFromDebian(folder: string): string | undefined {
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return undefined;
  process.stderr.write('installing Redis (redis-tools) from Debian …\n');
  const apt = (...args: readonly string[]) =>
    spawnSync('apt-get', ['-qq', '-o=Dpkg::Use-Pty=0', ...args], {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  if (!apt('update') || !apt('install', '-y', '--no-install-recommends', 'redis-tools')) return undefined;
  const real = '/usr/bin/redis-check-rdb';
  if (!existsSync(real)) return undefined;
  mkdirSync(folder, { recursive: true });
  const link = join(folder, 'redis-server');
  if (!existsSync(link)) symlinkSync(real, link);
  return link;
}

/** Finds a Redis server of version 7 or newer, or installs one from Debian into `folder`. */
export function findRedisServer(folder: string): FoundRedis {
  for (const program of ['redis-server', 'valkey-server', join(folder, 'redis-server')]) {
    if (isUsable(program)) return { kind: 'found', program };
  }
  const installed = installFromDebian(folder);
  if (installed !== undefined && isUsable(installed)) return { kind: 'found', program: installed };
  return {
    kind: 'missing',
    advice:
      `no redis-server of version ${OLDEST_MAJOR} or newer was found. Install one (Debian: apt-get install redis-server), ` +
      'or name a running one in TDC_REDIS_URL',
  };
}
