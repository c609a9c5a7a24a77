import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { IntakeTls } from '@tdc/core';

/** Contexts by setting: reading some hundred root certificates for every connection costs more than the handshake. */
const contexts = new Map<string, SecureContext>();
const MAX_CONTEXTS = 100;

const keyOf = (tls: IntakeTls): string => `${tls.maxVersion}\n${tls.ca ?? ''}`;

/** What handshakes with this intake start from: TLS 1.2 at least, the public roots, and the intake's own. */
export function tlsContextFor(tls: IntakeTls): SecureContext {
  const key = keyOf(tls);
  const known = contexts.get(key);
  if (known !== undefined) return known;
  if (contexts.size >= MAX_CONTEXTS) contexts.clear();
  const context = createSecureContext({
    minVersion: 'TLSv1.2',
    maxVersion: tls.maxVersion,
    ...(tls.ca === undefined ? {} : { ca: [...rootCertificates, tls.ca] }),
  });
  contexts.set(key, context);
  return context;
}
