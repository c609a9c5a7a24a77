import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Packages the chart so that the same sources give the same bytes: `node deploy/publish/package-chart.ts [FOLDER]`.
 * Every file gets the time SOURCE_DATE_EPOCH (seconds; https://reproducible-builds.org/specs/source-date-epoch/), which is
 * by default that of the commit. Prints the archive's path.
 */
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const EXIT_USAGE = 64;
const EXIT_FAILED = 1;

export interface PackageOptions {
  /** The Helm program; Helm 3 is refused. */
  readonly helm: string;
  /** Folder of the archive; made where it is missing. */
  readonly destination: string;
  /** Time of every file in the archive. */
  readonly epochSeconds: number;
}
export type PackageResult =
  | { readonly kind: 'packaged'; readonly archive: string }
  | { readonly kind: 'failed'; readonly message: string };

function setTimes(folder: string, seconds: number): void {
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    utimesSync(join(folder, entry), seconds, seconds);
  }
}

/** Why this Helm cannot do it; undefined when it can. */
function whyUnfit(helm: string): string | undefined {
  const { status, stdout, error } = spawnSync(helm, ['version', '--template', '{{.Version}}'], {
    encoding: 'utf8',
  });
  if (error !== undefined || status !== 0) return `${helm} cannot be run: Helm 4 packages the chart`;
  // Helm 3 gives every file the time of packaging.
  return /^v[0-3]\./.test(stdout)
    ? `${helm} is ${stdout}: only from Helm 4 on archives keep the files’ times`
    : undefined;
}

export function packageChart({ helm, destination, epochSeconds }: PackageOptions): PackageResult {
  const unfit = whyUnfit(helm);
  if (unfit !== undefined) return { kind: 'failed', message: unfit };
  const work = mkdtempSync(join(tmpdir(), 'tdc-package-'));
  try {
    cpSync(join(ROOT, 'charts/tdc'), join(work, 'tdc'), { recursive: true });
    setTimes(work, epochSeconds);
    mkdirSync(destination, { recursive: true });
    const { status, stdout, stderr } = spawnSync(
      helm,
      ['package', join(work, 'tdc'), '--destination', destination],
      { encoding: 'utf8' },
    );
    const archive = /saved it to: (.+)$/m.exec(stdout)?.[1];
    return status === 0 && archive !== undefined
      ? { kind: 'packaged', archive }
      : { kind: 'failed', message: `${stdout}${stderr}`.trim() };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Seconds of SOURCE_DATE_EPOCH, or of the last commit; undefined for neither. */
function epochOf(value: string | undefined): number | undefined {
  if (value !== undefined) return /^\d+$/.test(value) ? Number(value) : undefined;
  try {
    return Number(
      execFileSync('git', ['log', '-1', '--format=%ct'], {
        cwd: ROOT,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
  } catch {
    return undefined;
  }
}

function main(): number {
  const epochSeconds = epochOf(process.env['SOURCE_DATE_EPOCH']);
  if (epochSeconds === undefined) {
    process.stderr.write('SOURCE_DATE_EPOCH must be a whole number of seconds where there is no commit\n');
    return EXIT_USAGE;
  }
  const destination = process.argv[2] ?? join(ROOT, '.tdc/dist');
  const result = packageChart({ helm: 'helm', destination, epochSeconds });
  if (result.kind === 'failed') {
    process.stderr.write(`${result.message}\n`);
    return EXIT_FAILED;
  }
  process.stdout.write(`${result.archive}\n`);
  return 0;
}

if (import.meta.main) process.exitCode = main();
