import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, issueStandInCertificates, writeCertificates } from '@tdc/stand-in';

/** Files of the system on this machine, below one folder. */
export interface LocalState {
  readonly policyFile: string;
  readonly logFile: string;
  readonly caFile: string;
  readonly intake: { readonly cert: string; readonly key: string };
  /** Folder of what the stand-in can show. */
  readonly standInCertificates: string;
  /** Writes the example policy, with the intakes where the stand-in is; one that somebody has edited is left alone. */
  readonly writePolicy: (standInSmtpPort: string) => void;
  /** A writable folder for each process. */
  readonly folderFor: (process: string) => string;
}

/** They are made anew in good time before their year is over. */
const MAX_AGE_DAYS = 300;

const STAND_IN_NAMES = ['setd.localhost', 'localhost', '127.0.0.1'];

/** Certificates for intake and the stand-in, from an authority whose key is not kept. */
async function makeCertificates(folder: string, standInFolder: string): Promise<void> {
  const stamp = join(folder, 'made-at');
  const madeAt = existsSync(stamp) && existsSync(standInFolder) ? Number(readFileSync(stamp, 'utf8')) : 0;
  if (Date.now() - madeAt < MAX_AGE_DAYS * 24 * 3600 * 1000) return;
  const authority = await createAuthority();
  writeCertificates(folder, { intake: await authority.issue({ names: ['localhost', '127.0.0.1'] }) });
  writeCertificates(standInFolder, await issueStandInCertificates(authority, STAND_IN_NAMES));
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
  writeFileSync(stamp, String(Date.now()));
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Renders the example policy; a file that somebody has edited since is left alone. */
function makePolicy(path: string, example: string, values: Readonly<Record<string, string>>): void {
  const text = example.replace(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  const stamp = `${path}.generated`;
  const edited =
    existsSync(path) &&
    (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hashOf(readFileSync(path, 'utf8')));
  if (edited) return;
  writeFileSync(path, text);
  writeFileSync(stamp, hashOf(text));
}

/** Makes what the processes find at their start; `examplePolicy` is the file that the policy is made from. */
export async function prepareState(folder: string, examplePolicy: string): Promise<LocalState> {
  const certificates = join(folder, 'certificates');
  mkdirSync(certificates, { recursive: true });
  const standInCertificates = join(certificates, 'stand-in');
  await makeCertificates(certificates, standInCertificates);
  const caFile = join(certificates, 'ca.pem');
  const policyFile = join(folder, 'policy.yaml');
  return {
    policyFile,
    logFile: join(folder, 'mail.log'),
    caFile,
    intake: { cert: join(certificates, 'intake.pem'), key: join(certificates, 'intake.key') },
    standInCertificates,
    writePolicy(standInSmtpPort) {
      makePolicy(policyFile, readFileSync(examplePolicy, 'utf8'), {
        STAND_IN_SMTP_PORT: standInSmtpPort,
        CA_FILE: caFile,
      });
    },
    folderFor(process) {
      const own = join(folder, process);
      mkdirSync(own, { recursive: true });
      return own;
    },
  };
}
