import {
  type handleServerStreamingCall,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { formatHostPort } from '../process/env-reader.ts';
import type { ListenFailure } from '../process/probe-server.ts';

export interface GrpcServerOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials?: ServerCredentials;
  readonly service: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
  /** Ends every open stream: a stop waits for them. */
  readonly endStreams?: () => void;
}

export interface GrpcServer {
  readonly port: number;
  /** What the standard health service answers for the whole server. */
  setServing(serving: boolean): void;
  /** Ends streams, lets calls finish, cuts what is left at the deadline (ms since the epoch). */
  stop(deadline: number): Promise<void>;
}

/** Pings that show a dead peer within seconds; a stream otherwise looks alive for ever. */
const KEEPALIVE = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.keepalive_permit_without_calls': 1,
};

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number | string> {
  return new Promise((resolve) => {
    server.bindAsync(address, credentials, (error, port) => resolve(error === null ? port : error.message));
  });
}

type Watch = handleServerStreamingCall<unknown, unknown>;

/** Adds the standard health service. Answers how to end the streams of those who watch it: the library keeps them open. */
function addHealth(server: Server, health: HealthImplementation): () => void {
  const streams = new Set<Parameters<Watch>[0]>();
  health.addToServer({
    addService(service, implementation) {
      const watch: Watch = (stream) => {
        streams.add(stream);
        stream.on('cancelled', () => streams.delete(stream));
        (implementation['watch'] as Watch)(stream);
      };
      server.addService(service, { ...implementation, watch });
    },
  });
  return () => {
    for (const stream of streams) stream.end();
  };
}

/** Starts one service with the standard health service beside it. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer | ListenFailure> {
  // The library writes to standard error what it also answers; what matters is logged by us.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server(KEEPALIVE);
  server.addService(options.service, options.implementation);
  const health = new HealthImplementation({ '': 'NOT_SERVING' });
  const endHealthStreams = addHealth(server, health);
  const credentials = options.credentials ?? ServerCredentials.createInsecure();
  const port = await bind(server, formatHostPort(options), credentials);
  if (typeof port === 'string') {
    const why = port.includes('EADDRINUSE') ? 'is in use' : `cannot be used (${port})`;
    return { kind: 'listen-failure', message: `port ${options.port} on ${options.host} ${why}` };
  }
  return {
    port,
    setServing: (serving) => health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING'),
    stop(deadline) {
      health.setStatus('', 'NOT_SERVING');
      endHealthStreams();
      options.endStreams?.();
      return new Promise((resolve) => {
        const timer = setTimeout(() => server.forceShutdown(), Math.max(0, deadline - Date.now()));
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}
