import { type ChannelCredentials, credentials, experimental, ServerCredentials } from '@grpc/grpc-js';
import type { CertificateWatch } from '../tls/certificate-watch.ts';
import type { TlsMaterial } from '../tls/tls-files.ts';

/** How a client speaks gRPC. */
export interface ClientTransport {
  /** Whether over TLS. */
  readonly secure: boolean;
  readonly channel: ChannelCredentials;
}

/** How a process speaks gRPC, as a server and as a client. */
export interface GrpcTransport extends ClientTransport {
  readonly server: ServerCredentials;
}

export const plaintextTransport = (): GrpcTransport => ({
  secure: false,
  channel: credentials.createInsecure(),
  server: ServerCredentials.createInsecure(),
});

/** Mutual TLS with this certificate, for a client that does not live long enough to see another. */
export const mutualTlsClient = ({ cert, key, ca }: TlsMaterial): ClientTransport => ({
  secure: true,
  channel: credentials.createSsl(ca ?? null, key, cert),
});

/**
 * Mutual TLS with the certificate in force: each new connection shows the newest, open ones are left alone. A server
 * takes no client whose certificate the authority has not signed. The versions are Node's own, 1.2 and newer.
 */
export function mutualTlsTransport(certificate: CertificateWatch): GrpcTransport {
  // The library's own provider of files would take a pair that does not fit, and then no connection at all.
  const provider = providerOf(certificate);
  return {
    secure: true,
    channel: experimental.createCertificateProviderChannelCredentials(provider, provider),
    server: experimental.createCertificateProviderServerCredentials(provider, provider, true),
  };
}

type Provider = experimental.CertificateProvider;
type CaListener = Parameters<Provider['addCaCertificateListener']>[0];
type IdentityListener = Parameters<Provider['addIdentityCertificateListener']>[0];

/** The library's port for material that changes. */
function providerOf(certificate: CertificateWatch): Provider {
  const caListeners = new Set<CaListener>();
  const identityListeners = new Set<IdentityListener>();
  const tellCa = (listener: CaListener): void => {
    const { ca } = certificate.current();
    listener(ca === undefined ? null : { caCertificate: ca });
  };
  const tellIdentity = (listener: IdentityListener): void => {
    const { cert, key } = certificate.current();
    listener({ certificate: cert, privateKey: key });
  };
  certificate.onReplaced(() => {
    caListeners.forEach(tellCa);
    identityListeners.forEach(tellIdentity);
  });
  // Never within the call that adds the listener: the library is not ready for an answer before that returns.
  const add = <L>(listeners: Set<L>, tell: (listener: L) => void, listener: L): void => {
    listeners.add(listener);
    process.nextTick(() => {
      if (listeners.has(listener)) tell(listener);
    });
  };
  return {
    addCaCertificateListener: (listener) => add(caListeners, tellCa, listener),
    removeCaCertificateListener: (listener) => void caListeners.delete(listener),
    addIdentityCertificateListener: (listener) => add(identityListeners, tellIdentity, listener),
    removeIdentityCertificateListener: (listener) => void identityListeners.delete(listener),
  };
}
