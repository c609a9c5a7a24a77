import {
  CLIENT_OPTIONS,
  callUnary,
  createMetrics,
  followPolicy,
  type GrpcResult,
  type PolicyFollower,
  parseHostPort,
  plaintextTransport,
} from '@tdc/platform';
import { policyV1 } from '@tdc/proto';
import { freePort } from '../../deploy/local/ports.ts';
import { parsePrometheusText, type Samples } from './prometheus-text.ts';
import { type ServiceProcess, startService } from './service-process.ts';
import { waitUntil } from './wait-until.ts';

/** A policy service as its own process, and everything it can be asked. */
export interface PolicyProcess {
  readonly process: ServiceProcess;
  /** `host:port` of gRPC. */
  readonly address: string;
  readonly client: policyV1.PolicyServiceClient;
  /** Waits for a log line, without its date, that the pattern matches. */
  logged(pattern: RegExp): Promise<string>;
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
  samples(): Promise<Samples>;
  snapshot(): Promise<GrpcResult<policyV1.GetSnapshotResponse>>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const RPC_SECONDS = 20;

/** Waits for a log line, without its date, that the pattern matches. */
export function lineOf(process: ServiceProcess, pattern: RegExp): Promise<string> {
  const find = () =>
    process
      .lines()
      .map((line) => line.slice(25))
      .find((line) => pattern.test(line));
  return waitUntil(find, { what: `a log line like ${pattern}` });
}

/** Starts a policy service and waits until it serves. */
export async function startPolicy(env: Readonly<Record<string, string>>): Promise<PolicyProcess> {
  // Known beforehand, so that it can come back there: what is free for whoever connects may be somebody's by then.
  const port = String(await freePort());
  const process = startService('policy', { TDC_GRPC_HOST: '127.0.0.1', TDC_GRPC_PORT: port, ...env });
  const addresses = await process.ready();
  const address = addresses['grpc'] ?? '';
  const client = new policyV1.PolicyServiceClient(address, plaintextTransport().channel, CLIENT_OPTIONS);
  const get: PolicyProcess['get'] = async (path) => {
    const response = await fetch(`http://${addresses['http']}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return {
    process,
    address,
    client,
    logged: (pattern) => lineOf(process, pattern),
    get,
    samples: async () => parsePrometheusText((await get('/metrics')).text),
    snapshot: () => callUnary(client.getSnapshot.bind(client), {}, RPC_SECONDS),
    async stop(signal = 'SIGTERM') {
      client.close();
      process.signal('SIGCONT');
      await process.stop(signal);
    },
  };
}

/** A follower in the test's own process. */
export interface FollowedPolicy {
  readonly follower: PolicyFollower;
  /** The names of what it logged. */
  readonly notices: readonly string[];
  readonly samples: () => Promise<Samples>;
  /** Waits until this revision is in force. */
  readonly sees: (revision: number) => Promise<void>;
}

export function follow(
  address: string,
  options: { readonly stateFolder?: string; readonly silenceSeconds?: number } = {},
): FollowedPolicy {
  const notices: string[] = [];
  const metrics = createMetrics({ component: 'intake', version: '1' });
  const follower = followPolicy({
    address: parseHostPort(address) ?? { host: '', port: 0 },
    transport: plaintextTransport(),
    stateFolder: undefined,
    log: { log: () => undefined, flush: () => undefined, notice: (_level, name) => void notices.push(name) },
    metrics,
    now: Date.now,
    ...options,
  });
  return {
    follower,
    notices,
    samples: async () => parsePrometheusText(await metrics.text()),
    async sees(revision) {
      await waitUntil(() => follower.current()?.revision === revision, { what: `revision ${revision}` });
    },
  };
}
