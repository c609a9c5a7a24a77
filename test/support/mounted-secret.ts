import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The keys of a Secret of type kubernetes.io/tls, with the authority that cert-manager puts beside them. */
export interface TlsSecret {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** A Secret that is mounted into a pod. */
export interface MountedSecret {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** The variables that lead to it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Replaces all files at once, as kubelet does: a new folder, and the link to it swapped. */
  replace(secret: TlsSecret): void;
  remove(): void;
}

/** Lays a Secret out as a volume of Kubernetes: `tls.crt` → `..data/tls.crt`, `..data` → a folder by number. */
export function mountSecret(secret: TlsSecret): MountedSecret {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-secret-'));
  const path = (name: string): string => join(folder, name);
  let generation = 0;
  const replace = ({ cert, key, ca }: TlsSecret): void => {
    generation += 1;
    const name = `..${generation}`;
    mkdirSync(path(name));
    for (const [file, text] of Object.entries({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca }))
      writeFileSync(join(path(name), file), text);
    symlinkSync(name, path('..data_tmp'));
    renameSync(path('..data_tmp'), path('..data'));
    rmSync(path(`..${generation - 1}`), { recursive: true, force: true });
  };
  replace(secret);
  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) symlinkSync(`..data/${name}`, path(name));
  const files = { certFile: path('tls.crt'), keyFile: path('tls.key'), caFile: path('ca.crt') };
  return {
    ...files,
    environment: {
      TDC_GRPC_TLS_CERT_FILE: files.certFile,
      TDC_GRPC_TLS_KEY_FILE: files.keyFile,
      TDC_GRPC_TLS_CA_FILE: files.caFile,
    },
    replace,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
