import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { errorText } from '../process/error-text.ts';

/** Where a certificate, its key and, for mutual TLS, the peers' authority are; all PEM. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile?: string | undefined;
}

/** What the files hold. */
export interface TlsMaterial {
  /** The certificate, and the intermediate ones behind it. */
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
}

/** Why the files are of no use. */
export interface TlsProblem {
  readonly kind: 'unreadable' | 'unfit';
  readonly message: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Whether the work succeeds: the library throws, with words of its own, at what it cannot read. */
function succeeds(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

/** What TLS itself would say of the pair: a key too weak, an algorithm unknown. */
function refusalOf({ cert, key }: TlsMaterial): string | undefined {
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}

/** Of a bundle without a certificate the library says nothing, and would trust nobody. */
function isBundle(ca: Buffer): boolean {
  const certificates = ca.toString('latin1').match(CERTIFICATE) ?? [];
  return certificates.length > 0 && certificates.every((text) => succeeds(() => new X509Certificate(text)));
}

/** Why the material cannot be used; undefined when it can. Says nothing of dates: a peer's clock decides those. */
export function problemWith(material: TlsMaterial, files: TlsFiles): string | undefined {
  const { cert, key, ca } = material;
  const { certFile, keyFile, caFile } = files;
  if (!succeeds(() => new X509Certificate(cert))) return `${certFile} holds no certificate (PEM)`;
  if (!succeeds(() => createPrivateKey(key))) return `${keyFile} holds no private key (PEM, not encrypted)`;
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    return `the key in ${keyFile} is not that of the certificate`;
  if (ca !== undefined && !isBundle(ca)) return `${caFile} holds no certificates (PEM)`;
  return refusalOf(material);
}

/** Reads the files, and sees that they can be used. */
export function loadTlsFiles(files: TlsFiles): TlsMaterial | TlsProblem {
  const { certFile, keyFile, caFile } = files;
  let material: TlsMaterial;
  try {
    material = {
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
      ca: caFile === undefined ? undefined : readFileSync(caFile),
    };
  } catch (error) {
    return { kind: 'unreadable', message: `a TLS file cannot be read: ${(error as Error).message}` };
  }
  const problem = problemWith(material, files);
  return problem === undefined
    ? material
    : { kind: 'unfit', message: `certificate ${certFile} and key ${keyFile} cannot be used: ${problem}` };
}

/** The end of the certificate's validity, seconds since the epoch. */
export const notAfterSeconds = ({ cert }: Pick<TlsMaterial, 'cert'>): number =>
  Date.parse(new X509Certificate(cert).validTo) / 1000;
