import type { ParseArgsOptionsConfig } from 'node:util';
import {
  CLIENT_OPTIONS,
  type ClientTransport,
  callUnary,
  DEFAULT_GRPC_PORT,
  type GrpcResult,
  grpcTarget,
  type HostPort,
  isUnreachable,
  parseHostPort,
  securityProblem,
} from '@tdc/platform';
import { monitorV1, policyV1 } from '@tdc/proto';
import type { CommandInput } from './command.ts';
import { textOption } from './command.ts';
import { GRPC_TLS_HELP, GRPC_TLS_OPTIONS, transportOf } from './grpc-tls.ts';
import { EXIT, failed, type Outcome } from './outcome.ts';

/** How a service is found: by flag, by variable, or where `npm start` has it. */
export interface ServiceAddress {
  readonly what: string;
  readonly flag: string;
  readonly variable: string;
  readonly fallback: string;
  /** Whether it is asked over gRPC. */
  readonly grpc: boolean;
}

export const MONITOR: ServiceAddress = {
  what: 'the monitor',
  flag: 'monitor',
  variable: 'TDC_MONITOR_ADDRESS',
  fallback: `127.0.0.1:${DEFAULT_GRPC_PORT.monitor}`,
  grpc: true,
};

export const POLICY: ServiceAddress = {
  what: 'the policy service',
  flag: 'policy',
  variable: 'TDC_POLICY_ADDRESS',
  fallback: `127.0.0.1:${DEFAULT_GRPC_PORT.policy}`,
  grpc: true,
};

export const INTAKE: ServiceAddress = {
  what: 'intake',
  flag: 'server',
  variable: 'TDC_SMTP_ADDRESS',
  fallback: '127.0.0.1:2525',
  grpc: false,
};

/** The options that say how it is reached. */
export const addressOptions = ({ flag, grpc }: ServiceAddress): ParseArgsOptionsConfig => ({
  [flag]: { type: 'string' },
  ...(grpc ? GRPC_TLS_OPTIONS : {}),
});

/** For the help texts. */
export const addressHelp = ({ what, flag, variable, fallback, grpc }: ServiceAddress): string =>
  `  --${`${flag} HOST:PORT`.padEnd(22)}where ${what} is (${variable}; default ${fallback})` +
  (grpc ? `\n${GRPC_TLS_HELP}` : '');

/** The address to use, or what is wrong with the one that was given. */
export function addressOf(service: ServiceAddress, input: CommandInput): HostPort | Outcome {
  const given = textOption(input, service.flag);
  const text = given ?? (input.env[service.variable] || service.fallback);
  const source = given === undefined ? service.variable : `--${service.flag}`;
  return parseHostPort(text) ?? failed(EXIT.usage, `${source} is '${text}': it must be host:port`);
}

const TIMEOUT_SECONDS = 10;

function unreachable(
  service: ServiceAddress,
  { host, port }: HostPort,
  problem: string | undefined,
): Outcome {
  const what =
    problem === undefined
      ? `${service.what} does not answer at ${host}:${port}`
      : `${service.what} cannot be spoken to at ${host}:${port}: ${problem}`;
  return failed(EXIT.unavailable, `${what} (--${service.flag}, ${service.variable})`);
}

type Call<Client, Request, Response> = (client: Client) => {
  readonly method: Parameters<typeof callUnary<Request, Response>>[0];
  readonly request: Request;
};

async function ask<Client extends { close(): void }, Request, Response>(
  service: ServiceAddress,
  input: CommandInput,
  open: (target: string, transport: ClientTransport) => Client,
  call: Call<Client, Request, Response>,
): Promise<{ readonly value: Response } | Outcome> {
  const address = addressOf(service, input);
  if ('exitCode' in address) return address;
  const transport = transportOf(input);
  if ('exitCode' in transport) return transport;
  const client = open(grpcTarget(address), transport);
  try {
    const { method, request } = call(client);
    const result: GrpcResult<Response> = await callUnary(method, request, TIMEOUT_SECONDS);
    if (result.kind === 'ok') return { value: result.value };
    const known = /^(Redis does not answer|no valid policy)/.test(result.message);
    if (isUnreachable(result.code) && !known)
      return unreachable(service, address, securityProblem(result.message, transport.secure));
    return failed(isUnreachable(result.code) ? EXIT.unavailable : EXIT.negative, result.message);
  } finally {
    client.close();
  }
}

/** Asks the monitor; the outcome when there is no answer. */
export const askMonitor = <Request, Response>(
  input: CommandInput,
  call: Call<monitorV1.MonitorServiceClient, Request, Response>,
) =>
  ask(
    MONITOR,
    input,
    (target, { channel }) => new monitorV1.MonitorServiceClient(target, channel, CLIENT_OPTIONS),
    call,
  );

/** Asks the policy service; the outcome when there is no answer. */
export const askPolicy = <Request, Response>(
  input: CommandInput,
  call: Call<policyV1.PolicyServiceClient, Request, Response>,
) =>
  ask(
    POLICY,
    input,
    (target, { channel }) => new policyV1.PolicyServiceClient(target, channel, CLIENT_OPTIONS),
    call,
  );
