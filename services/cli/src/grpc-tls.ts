import type { ParseArgsOptionsConfig } from 'node:util';
import { type ClientTransport, loadTlsFiles, mutualTlsClient, plaintextTransport } from '@tdc/platform';
import { type CommandInput, textOption } from './command.ts';
import { EXIT, failed, type Outcome } from './outcome.ts';

interface TlsFileOption {
  readonly flag: string;
  readonly variable: string;
  readonly what: string;
}

const CERT: TlsFileOption = {
  flag: 'grpc-cert',
  variable: 'TDC_GRPC_TLS_CERT_FILE',
  what: 'certificate for mutual TLS',
};
const KEY: TlsFileOption = { flag: 'grpc-key', variable: 'TDC_GRPC_TLS_KEY_FILE', what: 'its private key' };
const CA: TlsFileOption = {
  flag: 'grpc-ca',
  variable: 'TDC_GRPC_TLS_CA_FILE',
  what: "authority of the service's",
};
const FILES = [CERT, KEY, CA];

/** The options of every command that asks a service over gRPC. */
export const GRPC_TLS_OPTIONS: ParseArgsOptionsConfig = Object.fromEntries(
  FILES.map(({ flag }) => [flag, { type: 'string' }]),
);

/** For their help texts. */
export const GRPC_TLS_HELP = FILES.map(
  ({ flag, variable, what }) => `  --${`${flag} FILE`.padEnd(22)}${what} (${variable})`,
).join('\n');

/** Plaintext, or mutual TLS with the files that flags or variables name; all three belong together. */
export function transportOf(input: CommandInput): ClientTransport | Outcome {
  const pathOf = ({ flag, variable }: TlsFileOption) => textOption(input, flag) ?? input.env[variable] ?? '';
  const missing = FILES.filter((file) => pathOf(file) === '');
  if (missing.length === FILES.length) return plaintextTransport();
  if (missing.length > 0) {
    const names = missing.map(({ flag, variable }) => `--${flag} (${variable})`).join(', ');
    return failed(
      EXIT.usage,
      `mutual TLS takes a certificate, its key and an authority: ${names} is missing`,
    );
  }
  const loaded = loadTlsFiles({ certFile: pathOf(CERT), keyFile: pathOf(KEY), caFile: pathOf(CA) });
  if (!('kind' in loaded)) return mutualTlsClient(loaded);
  return failed(loaded.kind === 'unreadable' ? EXIT.noInput : EXIT.data, loaded.message);
}
