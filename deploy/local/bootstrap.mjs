// Sets the project up from a bare clone and runs one of its programs on the right Node.js. Plain JavaScript for the
// Node.js that happens to be there: the one the project brings is not installed yet.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const STAMP = join(ROOT, 'node_modules', '.tdc-installed');
const PROGRAMS = { start: 'deploy/local/start.ts', test: 'deploy/local/test.ts' };
const PARENT_POLL_MS = 500;

/** The state of the lock file that the installed packages are meant to have. */
const wantedStamp = () =>
  createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');

function install() {
  const wanted = wantedStamp();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  process.stderr.write('installing dependencies …\n');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const done = spawnSync(npm, ['ci', '--loglevel=error', '--no-fund', '--no-audit'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, npm_config_json: 'false' },
  });
  if (done.status !== 0) {
    process.stderr.write('npm ci failed: the dependencies could not be installed\n');
    process.exit(done.status ?? 1);
  }
  writeFileSync(STAMP, wanted);
}

/** The project's own Node.js; where its platform has none, the running one when it is new enough. */
function findNode() {
  const own = join(ROOT, 'node_modules', '.bin', 'node');
  if (existsSync(own) && statSync(own).isFile()) return own;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major >= 24 || (major === 22 && minor >= 19)) return process.execPath;
  process.stderr.write(`Node.js ${process.versions.node} is too old here: 22.19 or 24 is needed\n`);
  process.exit(78);
}

const program = PROGRAMS[process.argv[2]];
if (program === undefined) {
  process.stderr.write(`usage: node bootstrap.mjs ${Object.keys(PROGRAMS).join('|')}\n`);
  process.exit(64);
}
install();
const child = spawn(findNode(), [join(ROOT, program), ...process.argv.slice(3)], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH}` },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal));
// npm and its shell do not always pass a signal on: when they are gone, so is the reason to run.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  child.kill('SIGTERM');
}, PARENT_POLL_MS);
child.on('exit', (code, signal) => {
  clearInterval(watch);
  process.exit(code ?? (signal === 'SIGINT' ? 130 : 143));
});
