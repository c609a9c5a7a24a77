import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from '../grpc/server.ts';
import type { CommonConfig, GrpcListenerConfig } from './common-config.ts';
import { ConfigError } from './config-error.ts';
import type { HostPort } from './env-reader.ts';
import { type ListenFailure, type ProbeServerOptions, startProbeServer } from './probe-server.ts';
import type { ServiceContext } from './service.ts';

/** What listens; throws ConfigError, with the variable that chooses the port, when the port could not be had. */
export function listening<Listener extends object>(
  result: Listener | ListenFailure,
  variable: string,
): Listener {
  if (isListenFailure(result)) throw new ConfigError([`${result.message} (${variable})`]);
  return result;
}

const isListenFailure = (result: object): result is ListenFailure =>
  'kind' in result && result.kind === 'listen-failure';

/** Answers probes, metrics and routes until the process stops. Answers where; throws ConfigError. */
export async function serveProbes(
  { config, metrics, shutdown }: Pick<ServiceContext<CommonConfig>, 'config' | 'metrics' | 'shutdown'>,
  answers: Pick<ProbeServerOptions, 'livez' | 'readyz' | 'routes'>,
): Promise<HostPort> {
  const where = { host: config.httpHost, port: config.httpPort };
  const options = { ...where, ...answers, metrics: () => metrics.text() };
  const server = listening(await startProbeServer(options), 'TDC_HTTP_PORT');
  shutdown.add('http', () => server.close());
  return { host: config.httpHost, port: server.port };
}

/** Answers gRPC until the process stops, not serving at first. Throws ConfigError. */
export async function serveGrpc(
  {
    config,
    grpc,
    shutdown,
  }: Pick<ServiceContext<GrpcListenerConfig & CommonConfig>, 'config' | 'grpc' | 'shutdown'>,
  service: Pick<GrpcServerOptions, 'service' | 'implementation' | 'endStreams'>,
): Promise<HostPort & Pick<GrpcServer, 'setServing'>> {
  const where = { host: config.grpcHost, port: config.grpcPort };
  const options = { ...where, ...service, credentials: grpc.server };
  const server = listening(await startGrpcServer(options), 'TDC_GRPC_PORT');
  shutdown.add('grpc', (deadline) => server.stop(deadline));
  return {
    host: config.grpcHost,
    port: server.port,
    setServing: (serving) => server.setServing(serving),
  };
}
