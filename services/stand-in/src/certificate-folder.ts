import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type CertificateAuthority, createAuthority, type KeyPair } from './certificates.ts';

/** Certificates by name; `default` is shown unless a script names another. */
export type StandInCertificates = Readonly<Record<string, KeyPair>> & { readonly default: KeyPair };

/** What a stand-in can show for these names: a good certificate, and one for each way to be bad. */
export async function issueStandInCertificates(
  authority: CertificateAuthority,
  names: readonly string[],
): Promise<StandInCertificates> {
  return {
    default: await authority.issue({ names }),
    rsa: await authority.issue({ names, algorithm: 'rsa' }),
    expired: await authority.issue({ names, expired: true }),
    'wrong-name': await authority.issue({ names: ['other.example'] }),
    'self-signed': await authority.issue({ names, selfSigned: true }),
  };
}

/** Writes each as `<name>.pem` and `<name>.key`, the keys for the owner alone. */
export function writeCertificates(folder: string, pairs: Readonly<Record<string, KeyPair>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, pair] of Object.entries(pairs)) {
    writeFileSync(join(folder, `${name}.pem`), pair.cert);
    writeFileSync(join(folder, `${name}.key`), pair.key, { mode: 0o600 });
  }
}

function readCertificates(folder: string): StandInCertificates {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.key'))
    .map((file) => basename(file, '.key'));
  const read = (name: string): KeyPair => ({
    cert: readFileSync(join(folder, `${name}.pem`), 'utf8'),
    key: readFileSync(join(folder, `${name}.key`), 'utf8'),
  });
  return {
    ...Object.fromEntries(names.map((name) => [name, read(name)])),
    default: read('default'),
  };
}

/**
 * The certificates of a stand-in of its own. A folder without them is filled, with the authority's certificate as `ca.pem`
 * beside them: give that to whoever shall trust it. Without a folder nobody can.
 */
export async function provideCertificates(
  folder: string | undefined,
  names: readonly string[],
): Promise<StandInCertificates> {
  if (folder !== undefined && existsSync(join(folder, 'default.pem'))) return readCertificates(folder);
  const authority = await createAuthority();
  const made = await issueStandInCertificates(authority, names);
  if (folder !== undefined) {
    writeCertificates(folder, made);
    writeFileSync(join(folder, 'ca.pem'), authority.cert);
  }
  return made;
}
