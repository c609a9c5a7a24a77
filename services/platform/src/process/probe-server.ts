import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `ok`, or why not, in words. */
export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface RouteAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface ProbeServerOptions {
  readonly host: string;
  readonly port: number;
  /** Whether the process makes progress; never looks at what others do. */
  readonly livez: () => ProbeResult;
  /** Whether the process should be given work. */
  readonly readyz: () => ProbeResult;
  readonly metrics: () => Promise<string>;
  /** Further paths that answer JSON. */
  readonly routes?: Readonly<Record<string, () => Promise<RouteAnswer>>>;
}

export interface ProbeServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A port that could not be had; `message` names address and port. */
export interface ListenFailure {
  readonly kind: 'listen-failure';
  readonly message: string;
}

/** What a failed listen means, for people: the address, the port and what is wrong. */
export function listenFailure(error: unknown, host: string, port: number): ListenFailure {
  const { code, message } = error as NodeJS.ErrnoException;
  const why =
    code === 'EADDRINUSE'
      ? 'is in use'
      : code === 'EACCES'
        ? 'needs privileges'
        : `cannot be used (${message})`;
  return { kind: 'listen-failure', message: `port ${port} on ${host} ${why}` };
}

export function listen(
  server: Pick<Server, 'listen' | 'once' | 'off' | 'address'>,
  host: string,
  port: number,
): Promise<number | ListenFailure> {
  return new Promise((resolve) => {
    const onError = (error: unknown) => resolve(listenFailure(error, host, port));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

const PLAIN = 'text/plain; charset=utf-8';

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}

async function handle(
  options: ProbeServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const probe = (result: ProbeResult) =>
    answer(response, result.ok ? 200 : 503, PLAIN, result.ok ? 'ok\n' : `${result.reason}\n`);
  const route = options.routes?.[path];
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    answer(response, 405, PLAIN, 'only GET\n');
  } else if (path === '/livez') probe(options.livez());
  else if (path === '/readyz') probe(options.readyz());
  else if (path === '/metrics') {
    answer(response, 200, 'text/plain; version=0.0.4; charset=utf-8', await options.metrics());
  } else if (route !== undefined) {
    const { status, body } = await route();
    answer(response, status, 'application/json', `${JSON.stringify(body)}\n`);
  } else answer(response, 404, PLAIN, 'not found\n');
}

/** Probes, metrics and JSON routes on one plain HTTP port, away from the ports that carry mail. */
export async function startProbeServer(options: ProbeServerOptions): Promise<ProbeServer | ListenFailure> {
  const server = createServer((request, response) => {
    handle(options, request, response).catch(() => {
      if (!response.headersSent) answer(response, 500, PLAIN, 'failed\n');
    });
  });
  server.keepAliveTimeout = 5000;
  const port = await listen(server, options.host, options.port);
  if (typeof port !== 'number') return port;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
