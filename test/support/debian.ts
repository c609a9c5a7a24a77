import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Why programs of Debian cannot be brought to this machine; undefined when they can. */
export function whyNoDebian(): string | undefined {
  if (!existsSync('/usr/bin/apt-get')) return 'this is no Debian machine';
  return process.getuid?.() === 0 ? undefined : 'installing Debian packages needs root';
}

/** Other test files may be installing at the same time: whoever comes second waits. */
const QUIET = ['-qq', '-o=Dpkg::Use-Pty=0', '-o=DPkg::Lock::Timeout=300'];

const apt = (...args: readonly string[]): void => {
  execFileSync('apt-get', [...QUIET, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
};

let updated = false;

function updateOnce(): void {
  if (!updated) apt('update');
  updated = true;
}

const isInstalled = (name: string): boolean =>
  /^Status: install ok installed$/m.test(spawnSync('dpkg-query', ['-s', name], { encoding: 'utf8' }).stdout);

/** Installs packages that are missing, with answers for their questions; starts none of their services. */
export function installDebian(packages: readonly string[], answers: readonly string[] = []): void {
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  updateOnce();
  if (answers.length > 0) execFileSync('debconf-set-selections', { input: `${answers.join('\n')}\n` });
  // Under run level 1 nothing is started behind an installation.
  process.env['RUNLEVEL'] = '1';
  apt('install', '-y', '--no-install-recommends', ...missing);
}

/** Unpacks packages into a folder: for programs that cannot be installed beside others, such as a second mail server. */
export function unpackDebian(packages: readonly string[], folder: string): void {
  mkdirSync(folder, { recursive: true });
  updateOnce();
  execFileSync('apt-get', ['-qq', 'download', ...packages], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.deb'))) {
    execFileSync('dpkg', ['-x', join(folder, name), join(folder, 'root')]);
  }
}

/** Makes a system user where it is missing. */
export function ensureSystemUser(name: string): void {
  if (spawnSync('id', [name]).status === 0) return;
  execFileSync('useradd', ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', name]);
}
