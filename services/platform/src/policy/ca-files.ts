import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

type Problem = (path: readonly (string | number)[], message: string) => void;

/** Far more than all public authorities together. */
const MAX_BYTES = 512 * 1024;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * Replaces each `tls.caFile` of a document by `tls.ca` with the file's text: who receives the document has no such file.
 * Every certificate must be one, or all copies to that intake would fail on their first handshake.
 */
export async function fillInCaFiles(value: unknown, folder: string, problem: Problem): Promise<void> {
  if (!isRecord(value) || !isRecord(value['intakes'])) return;
  for (const [alias, intake] of Object.entries(value['intakes'])) {
    const tls = isRecord(intake) ? intake['tls'] : undefined;
    if (!isRecord(tls)) continue;
    const at = ['intakes', alias, 'tls'];
    await fillIn(tls, folder, (key, message) => problem([...at, key], message));
    if (typeof tls['ca'] === 'string')
      checkCertificates(tls['ca'], (message) => problem([...at, 'ca'], message));
  }
}

async function fillIn(
  tls: Record<string, unknown>,
  folder: string,
  problem: (key: string, message: string) => void,
): Promise<void> {
  const { ca, caFile } = tls;
  if (caFile === undefined || caFile === null) return;
  // The same object may stand under several intakes, by aliases: the first of them finds the name.
  delete tls['caFile'];
  if (typeof caFile !== 'string') problem('caFile', 'must be the name of a file');
  else if (ca !== undefined && ca !== null) problem('caFile', 'stands beside ca; give one of them');
  else {
    const path = resolve(folder, caFile);
    try {
      const found = await stat(path);
      if (!found.isFile() || found.size > MAX_BYTES) throw new Error(`no file of at most ${MAX_BYTES} bytes`);
      tls['ca'] = await readFile(path, 'utf8');
    } catch (error) {
      problem('caFile', `cannot be read: ${(error as Error).message}`);
    }
  }
}

function checkCertificates(pem: string, problem: (message: string) => void): void {
  for (const [index, text] of (pem.match(PEM) ?? []).entries()) {
    try {
      new X509Certificate(text);
    } catch {
      problem(`certificate ${index + 1} cannot be read`);
    }
  }
}
