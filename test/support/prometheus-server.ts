import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { endProgram } from './end-program.ts';
import { holdForTest } from './leash.ts';
import { waitUntil } from './wait-until.ts';

/** One sample of an instant query: its labels, the metric's name among them, and its value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/** A Prometheus of a test's own on a free port; it forgets everything when it is stopped. */
export interface PrometheusServer {
  /** The answer to an instant query as of now; rejects with Prometheus's own words when it cannot be read. */
  query(expr: string): Promise<readonly Sample[]>;
  /** Alerts that wait or fire. */
  alerts(): Promise<readonly Alert[]>;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  /** Addresses to scrape each second, by job. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
  /** Labels on every target. */
  readonly labels?: Readonly<Record<string, string>>;
  /** A rule file, evaluated each second. */
  readonly rules: string;
}

async function ask(url: string): Promise<unknown> {
  const body = (await (await fetch(url)).json()) as { status: string; error?: string; data: unknown };
  if (body.status !== 'success') throw new Error(body.error);
  return body.data;
}

/** Starts one and waits until every target was scraped. Prometheus must be installed. */
export async function startPrometheus({
  targets,
  labels = {},
  rules,
}: PrometheusOptions): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-prometheus-'));
  writeFileSync(join(folder, 'rules.yaml'), rules);
  writeFileSync(
    join(folder, 'prometheus.yaml'),
    stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yaml'],
      scrape_configs: Object.entries(targets).map(([job, addresses]) => ({
        job_name: job,
        static_configs: [{ targets: [...addresses], labels }],
      })),
    }),
  );
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  holdForTest(child);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk;
  });
  const stop = async (): Promise<void> => {
    await endProgram(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const address = await waitUntil(
      () => {
        if (child.exitCode !== null) throw new Error(log);
        return /msg="Listening on" address=(\S+)/.exec(log)?.[1];
      },
      { withinSeconds: 30, what: 'prometheus listening' },
    );
    const query = async (expr: string): Promise<readonly Sample[]> => {
      const data = await ask(`http://${address}/api/v1/query?query=${encodeURIComponent(expr)}`);
      const { result } = data as { result: { metric: Record<string, string>; value: [number, string] }[] };
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    };
    const wanted = Object.values(targets).flat().length;
    await waitUntil(async () => (await query('up == 1')).length === wanted, {
      withinSeconds: 30,
      what: 'every target scraped',
    });
    return {
      query,
      alerts: async () => ((await ask(`http://${address}/api/v1/alerts`)) as { alerts: Alert[] }).alerts,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
