import { loadTlsFiles, type TlsFiles } from '../tls/tls-files.ts';
import type { EnvReader } from './env-reader.ts';

const VARIABLES = {
  certFile: ['TDC_GRPC_TLS_CERT_FILE', 'the certificate for gRPC (PEM)'],
  keyFile: ['TDC_GRPC_TLS_KEY_FILE', 'the private key of that certificate (PEM)'],
  caFile: ['TDC_GRPC_TLS_CA_FILE', 'the authority that signed the certificates of the others (PEM)'],
} as const;

/** The files of mutual TLS between the processes; undefined for plaintext. A part of them is a problem. */
export function readGrpcTls(read: EnvReader): TlsFiles | undefined {
  const certFile = read.optionalFile(...VARIABLES.certFile);
  const keyFile = read.optionalFile(...VARIABLES.keyFile);
  const caFile = read.optionalFile(...VARIABLES.caFile);
  if (certFile !== undefined && keyFile !== undefined && caFile !== undefined) {
    const files = { certFile, keyFile, caFile };
    const loaded = loadTlsFiles(files);
    // A file that cannot be read was named already.
    if ('kind' in loaded && loaded.kind === 'unfit') read.refuse(`gRPC: ${loaded.message}`);
    return files;
  }
  const given = Object.entries({ certFile, keyFile, caFile });
  if (given.every(([, path]) => path === undefined)) return undefined;
  for (const [name, path] of given) {
    const [variable, what] = VARIABLES[name as keyof typeof VARIABLES];
    if (path === undefined)
      read.refuse(`${variable} is not set: it must name ${what}, beside the other TDC_GRPC_TLS_ files`);
  }
  return undefined;
}
