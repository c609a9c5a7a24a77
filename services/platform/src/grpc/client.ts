import { type ClientOptions, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { parseIpAddress } from '@tdc/core';
import { formatHostPort, type HostPort } from '../process/env-reader.ts';

/**
 * Keepalive, so that a cut link is seen; a server that comes back is found within seconds, under its old address or a new
 * one (the library's own pace is two minutes and 30 s); round robin over all addresses of a name.
 */
export const CLIENT_OPTIONS: ClientOptions = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.dns_min_time_between_resolutions_ms': 2_000,
  // A proxy named in the environment is for the web, not for what runs beside us.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
};

/** The channel target of an address: names are resolved again and again, so that new pods are found. */
export const grpcTarget = (address: HostPort): string =>
  `${parseIpAddress(address.host) === undefined ? 'dns:///' : ''}${formatHostPort(address)}`;

/** A unary call as it came out: the answer, or status and words. */
export type GrpcResult<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'failed'; readonly code: status; readonly message: string };

type UnaryCall<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

/** Makes one call with a deadline; the answer is a value, never an exception. */
export function callUnary<Request, Response>(
  call: UnaryCall<Request, Response>,
  request: Request,
  timeoutSeconds: number,
): Promise<GrpcResult<Response>> {
  return new Promise((resolve) => {
    call(request, new Metadata(), { deadline: Date.now() + timeoutSeconds * 1000 }, (error, response) => {
      if (error === null) resolve({ kind: 'ok', value: response });
      else resolve({ kind: 'failed', code: error.code, message: error.details });
    });
  });
}

/** Whether the status says that nobody answers at the address. */
export const isUnreachable = (code: status): boolean =>
  code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED;
