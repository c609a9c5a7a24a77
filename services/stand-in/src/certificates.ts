import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto as Crypto);

/** Certificate and private key, PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** DNS names, and IP addresses. */
  readonly names: readonly string[];
  /** `rsa` where a TLS 1.2 cipher with an RSA signature is wanted. */
  readonly algorithm?: 'ec' | 'rsa';
  /** Over since yesterday. */
  readonly expired?: boolean;
  /** For a client of mutual TLS as well as for a server. */
  readonly client?: boolean;
  /** By itself in place of the authority. */
  readonly selfSigned?: boolean;
}

/** A private certificate authority of a test or of a machine's own. */
export interface CertificateAuthority {
  /** PEM. */
  readonly cert: string;
  issue(request: CertificateRequest): Promise<KeyPair>;
}

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};
const DAY_MS = 24 * 3600 * 1000;

const generate = (algorithm: 'ec' | 'rsa'): Promise<CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm === 'rsa' ? RSA : EC, true, [
    'sign',
    'verify',
  ]) as Promise<CryptoKeyPair>;

async function keyPem(key: CryptoKey): Promise<string> {
  const octets = await webcrypto.subtle.exportKey('pkcs8', key);
  return x509.PemConverter.encode(octets, 'PRIVATE KEY');
}

const serialNumber = (): string =>
  Buffer.from(webcrypto.getRandomValues(new Uint8Array(15)))
    .toString('hex')
    .replace(/^./, '1');

const isIp = (name: string): boolean => /^[\d.]+$|:/.test(name);

/** Makes an authority; nothing of it is kept anywhere but in the answer. */
export async function createAuthority(): Promise<CertificateAuthority> {
  const keys = await generate('ec');
  const now = Date.now();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=tdc test authority',
    notBefore: new Date(now - 2 * DAY_MS),
    notAfter: new Date(now + 3650 * DAY_MS),
    signingAlgorithm: EC,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    cert: root.toString('pem'),
    issue: (request) => issue(request, { subject: root.subject, key: keys.privateKey }),
  };
}

async function issue(
  { names, algorithm = 'ec', expired = false, client = false, selfSigned = false }: CertificateRequest,
  issuer: { readonly subject: string; readonly key: CryptoKey },
): Promise<KeyPair> {
  const keys = await generate(algorithm);
  const now = Date.now();
  const subject = `CN=${names[0] ?? 'nobody'}`;
  const common = {
    serialNumber: serialNumber(),
    notBefore: new Date(now - 2 * DAY_MS),
    notAfter: new Date(expired ? now - DAY_MS : now + 365 * DAY_MS),
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIp(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        ...(client ? [x509.ExtendedKeyUsage.clientAuth] : []),
      ]),
    ],
  };
  const cert = selfSigned
    ? await x509.X509CertificateGenerator.createSelfSigned({
        ...common,
        name: subject,
        keys,
        signingAlgorithm: algorithm === 'rsa' ? RSA : EC,
      })
    : await x509.X509CertificateGenerator.create({
        ...common,
        subject,
        issuer: issuer.subject,
        publicKey: keys.publicKey,
        signingKey: issuer.key,
        signingAlgorithm: EC,
      });
  return { cert: cert.toString('pem'), key: await keyPem(keys.privateKey) };
}
