import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ConfigError, type Logger } from '@tdc/platform';
import type { TlsMaterial } from './smtp-listener.ts';

const POLL_MS = 2000;

/** Why the pair cannot be served; undefined when it can. */
function problemWith(tls: TlsMaterial): string | undefined {
  try {
    createSecureContext(tls);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Certificate and key for the start; throws ConfigError when they do not make a pair that can be served. */
export function loadTls(certFile: string, keyFile: string): TlsMaterial {
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  const problem = problemWith(tls);
  if (problem === undefined) return tls;
  throw new ConfigError([`certificate ${certFile} and key ${keyFile} cannot be used: ${problem}`]);
}

export interface TlsWatchOptions {
  readonly certFile: string;
  readonly keyFile: string;
  readonly current: TlsMaterial;
  readonly replaced: (tls: TlsMaterial) => void;
  readonly log: Logger;
}

/**
 * Serves a renewed certificate without a restart. Files are compared, not watched: renewal swaps links and directories.
 * A pair that does not fit, such as a new certificate with the old key, is left until it does.
 */
export function watchTls({ certFile, keyFile, current, replaced, log }: TlsWatchOptions): { stop(): void } {
  let serving = current;
  let refused = '';
  const look = async (): Promise<void> => {
    const cert = await readFile(certFile);
    const key = await readFile(keyFile);
    if (cert.equals(serving.cert) && key.equals(serving.key)) return;
    const problem = problemWith({ cert, key });
    if (problem === undefined) {
      serving = { cert, key };
      refused = '';
      replaced(serving);
      log.notice('info', 'certificate-replaced', `certificate ${certFile} is served from now on`);
    } else if (problem !== refused) {
      refused = problem;
      log.notice('warning', 'certificate-refused', `certificate ${certFile} cannot be used: ${problem}`);
    }
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => log.notice('warning', 'certificate-unreadable', String(error)));
  }, POLL_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
