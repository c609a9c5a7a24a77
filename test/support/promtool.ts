import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { installDebian } from './debian.ts';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');

/** Prometheus and its tool, of Debian. */
export const bringPrometheus = (): void => installDebian(['prometheus']);

/** What promtool has to complain of; '' when nothing. */
export function promtool(args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    cwd: ROOT,
    encoding: 'utf8',
    input: input ?? '',
  });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

/** One expression over made-up series: `{ labels, value }` for each sample that is expected. */
export interface ExpressionTest {
  readonly series: Readonly<Record<string, string>>;
  readonly interval?: string;
  readonly expr: string;
  readonly at: string;
  readonly samples: readonly { readonly labels: string; readonly value: number }[];
}

/** Evaluates the rule file (a path below the root) over the series; answers what was not as expected. */
export function testRules(ruleFile: string, test: ExpressionTest): string {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-promtool-'));
  try {
    const interval = test.interval ?? '15s';
    const file = join(folder, 'test.yaml');
    writeFileSync(
      file,
      stringify({
        rule_files: [join(ROOT, ruleFile)],
        evaluation_interval: interval,
        tests: [
          {
            interval,
            input_series: Object.entries(test.series).map(([series, values]) => ({ series, values })),
            promql_expr_test: [{ expr: test.expr, eval_time: test.at, exp_samples: test.samples }],
          },
        ],
      }),
    );
    return promtool(['test', 'rules', file]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
