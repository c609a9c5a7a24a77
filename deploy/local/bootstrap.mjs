// Sets the project up from a bare clone and runs one of its programs on the right Node.js. Plain JavaScript for the
// Node.js that happens to be there: the one the project brings is not installed yet.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const BIN = join(ROOT, 'node_modules', '.bin');
const PROGRAMS = {
  start: 'deploy/local/start.ts',
  test: 'deploy/local/test.ts',
  bench: 'test/bench/bench.ts',
};
const PARENT_POLL_MS = 500;
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;

function refuse(status, problem) {
  process.stderr.write(`${problem}\n`);
  process.exit(status);
}

/**
 * Whether the packages of the lock file are there, by the note that npm leaves behind a whole installation. Optional ones
 * do not count: which of them there are depends on the machine.
 */
function isInstalled() {
  const note = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(note)) return false;
  const packagesOf = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;
  const installed = packagesOf(note);
  return Object.entries(packagesOf(join(ROOT, 'package-lock.json'))).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  );
}

/**
 * Runs a program to its end and answers its exit status. Signals are passed on; and since npm and its shell do not always
 * do that, the program is ended too when they are gone.
 */
function run(program, args, options) {
  const child = spawn(program, args, { cwd: ROOT, ...options });
  const forward = (signal) => child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM');
  }, PARENT_POLL_MS);
  return new Promise((settle) => {
    const end = (status) => {
      clearInterval(watch);
      for (const signal of signals) process.off(signal, forward);
      settle(status);
    };
    child.on('error', (error) => {
      process.stderr.write(`${program} could not be run: ${error.message}\n`);
      end(EXIT_CONFIG);
    });
    child.on('exit', (code, signal) => end(code ?? 128 + constants.signals[signal]));
  });
}

async function install() {
  process.stderr.write('installing dependencies …\n');
  // The tools are part of what runs here, whatever this machine's npm is told to leave out.
  const wanted = ['--include=dev', '--include=optional'];
  const status = await run('npm', ['ci', '--loglevel=error', '--no-fund', '--no-audit', ...wanted], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, npm_config_json: 'false' },
  });
  if (status !== 0) refuse(status, 'npm ci failed: the dependencies could not be installed');
}

/** The project's own Node.js; where its platform has none that runs, the running one when it is new enough. */
function findNode() {
  const own = join(BIN, 'node');
  if (spawnSync(own, ['--version'], { stdio: 'ignore' }).status === 0) return own;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major >= 24 || (major === 22 && minor >= 19)) return process.execPath;
  return refuse(EXIT_CONFIG, `Node.js ${process.versions.node} is too old here: 22.19 or 24 is needed`);
}

const program = PROGRAMS[process.argv[2]];
if (program === undefined) refuse(EXIT_USAGE, `usage: node bootstrap.mjs ${Object.keys(PROGRAMS).join('|')}`);
if (!isInstalled()) await install();
const status = await run(findNode(), [join(ROOT, program), ...process.argv.slice(3)], {
  stdio: 'inherit',
  env: { ...process.env, PATH: [BIN, process.env.PATH].join(delimiter) },
});
process.exit(status);
