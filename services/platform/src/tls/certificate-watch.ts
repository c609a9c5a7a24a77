import { readFile } from 'node:fs/promises';
import { ConfigError } from '../process/config-error.ts';
import type { Logger } from '../process/logger.ts';
import type { GaugeMetric, Metrics } from '../process/metrics.ts';
import { loadTlsFiles, notAfterSeconds, problemWith, type TlsFiles, type TlsMaterial } from './tls-files.ts';

const POLL_MS = 2000;

/** What a process shows its certificate for. */
export type CertificateUse = 'smtp' | 'grpc';

/** A certificate that follows its files. */
export interface CertificateWatch {
  /** What is in force now. */
  current(): TlsMaterial;
  /** Called with what comes into force from now on. */
  onReplaced(listener: (material: TlsMaterial) => void): void;
  stop(): void;
}

export interface CertificateWatchOptions {
  readonly use: CertificateUse;
  readonly files: TlsFiles;
  readonly log: Logger;
  readonly expiry: GaugeMetric;
}

/** The metric of all certificates of a process; one that has none shows none. */
export const createCertificateExpiry = (metrics: Metrics): GaugeMetric =>
  metrics.gauge({
    name: 'tdc_tls_certificate_not_after_timestamp_seconds',
    help: 'When the certificate in force ends, seconds since the epoch, by what it is shown for.',
    labels: ['use'],
  });

async function readAll({ certFile, keyFile, caFile }: TlsFiles): Promise<TlsMaterial> {
  const cert = await readFile(certFile);
  const key = await readFile(keyFile);
  return { cert, key, ca: caFile === undefined ? undefined : await readFile(caFile) };
}

const NONE = Buffer.alloc(0);

const isSame = (one: TlsMaterial, other: TlsMaterial): boolean =>
  one.cert.equals(other.cert) && one.key.equals(other.key) && (one.ca ?? NONE).equals(other.ca ?? NONE);

/**
 * Brings a renewed certificate, key or authority into force without a restart. Files are compared, not watched: renewal
 * swaps links and directories. What does not fit together, such as a new certificate with the old key, is left until it
 * does. Throws ConfigError when what is there at the start cannot be used.
 */
export function watchCertificate({ use, files, log, expiry }: CertificateWatchOptions): CertificateWatch {
  const loaded = loadTlsFiles(files);
  if ('kind' in loaded) throw new ConfigError([loaded.message]);
  const listeners: ((material: TlsMaterial) => void)[] = [];
  let current = loaded;
  let complained = '';
  const show = (): void => expiry.set(notAfterSeconds(current), { use });
  show();
  /** Once for each complaint, not each time one looks. */
  const complain = (name: string, text: string): void => {
    if (text !== complained) log.notice('warning', name, text, { use });
    complained = text;
  };
  const look = async (): Promise<void> => {
    const found = await readAll(files);
    const problem = isSame(found, current) ? undefined : problemWith(found, files);
    if (problem !== undefined)
      return complain('certificate-refused', `certificate ${files.certFile} cannot be used: ${problem}`);
    complained = '';
    if (isSame(found, current)) return;
    current = found;
    show();
    for (const listener of listeners) listener(found);
    const until = new Date(notAfterSeconds(found) * 1000).toISOString();
    const text = `certificate ${files.certFile} is in force from now on; it is good until ${until}`;
    log.notice('info', 'certificate-replaced', text, { use });
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => complain('certificate-unreadable', String(error)));
  }, POLL_MS);
  timer.unref();
  return {
    current: () => current,
    onReplaced: (listener) => void listeners.push(listener),
    stop: () => clearInterval(timer),
  };
}
