import { CLIENT_OPTIONS, callUnary, type GrpcResult, plaintextTransport } from '@tdc/platform';
import { monitorV1 } from '@tdc/proto';
import { parsePrometheusText, type Samples } from './prometheus-text.ts';
import { type ServiceProcess, startService } from './service-process.ts';

/** A monitor as its own process, and everything it can be asked. */
export interface MonitorProcess {
  readonly process: ServiceProcess;
  /** Addresses of HTTP and gRPC. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Its log lines that hold the text, without date. */
  logged(text: string): readonly string[];
  get(path: string): Promise<{ readonly status: number; readonly type: string; readonly text: string }>;
  samples(): Promise<Samples>;
  topHosts(): Promise<GrpcResult<monitorV1.TopHostsResponse>>;
  hostStatus(host: string): Promise<GrpcResult<monitorV1.HostStatusResponse>>;
  track(query: monitorV1.TrackRequest['query']): Promise<GrpcResult<monitorV1.TrackResponse>>;
  accounting(): Promise<GrpcResult<monitorV1.AccountingResponse>>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const RPC_SECONDS = 20;

/** The environment of a monitor of a test: free ports, a quick sweep, and nobody at the policy's address. */
export const monitorEnvironment = (redisUrl: string): Readonly<Record<string, string>> => ({
  TDC_REDIS_URL: redisUrl,
  TDC_GRPC_HOST: '127.0.0.1',
  TDC_GRPC_PORT: '0',
  TDC_POLICY_ADDRESS: '127.0.0.1:1',
  TDC_SWEEP_SECONDS: '1',
});

/** Starts a monitor and waits until it serves. */
export async function startMonitor(
  redisUrl: string,
  env: Readonly<Record<string, string>> = {},
): Promise<MonitorProcess> {
  const process = startService('monitor', { ...monitorEnvironment(redisUrl), ...env });
  const addresses = await process.ready();
  const client = new monitorV1.MonitorServiceClient(
    addresses['grpc'] ?? '',
    plaintextTransport().channel,
    CLIENT_OPTIONS,
  );
  const get: MonitorProcess['get'] = async (path) => {
    const response = await fetch(`http://${addresses['http']}${path}`);
    const type = response.headers.get('content-type') ?? '';
    return { status: response.status, type, text: await response.text() };
  };
  return {
    process,
    addresses,
    logged: (text) =>
      process
        .lines()
        .filter((line) => line.includes(text))
        .map((line) => line.slice(25)),
    get,
    samples: async () => parsePrometheusText((await get('/metrics')).text),
    topHosts: () => callUnary(client.topHosts.bind(client), {}, RPC_SECONDS),
    hostStatus: (host) => callUnary(client.hostStatus.bind(client), { host }, RPC_SECONDS),
    track: (query) => callUnary(client.track.bind(client), { query }, RPC_SECONDS),
    accounting: () => callUnary(client.accounting.bind(client), {}, RPC_SECONDS),
    async stop(signal = 'SIGTERM') {
      client.close();
      await process.stop(signal);
    },
  };
}
