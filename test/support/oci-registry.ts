import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../deploy/local/ports.ts';
import { installDebian } from './debian.ts';
import { holdForTest } from './leash.ts';
import { waitUntil } from './wait-until.ts';

/** An OCI registry on this machine, without TLS: Debian's `docker-registry`. */
export interface OciRegistry {
  /** `host:port`, as it stands in the names of what is pushed. */
  readonly address: string;
  /** Ends it, and removes what it holds. */
  remove(): Promise<void>;
}

const configuration = (folder: string, address: string): string =>
  JSON.stringify({
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(folder, 'blobs') } },
    http: { addr: address },
  });

export async function startOciRegistry(): Promise<OciRegistry> {
  installDebian(['docker-registry']);
  const folder = mkdtempSync(join(tmpdir(), 'tdc-registry-'));
  const address = `127.0.0.1:${await freePort()}`;
  const file = join(folder, 'config.yml');
  writeFileSync(file, configuration(folder, address));
  const registry = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  holdForTest(registry);
  const ended = new Promise<void>((resolve) => registry.once('exit', () => resolve()));
  const remove = async (): Promise<void> => {
    registry.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitUntil(async () => (await fetch(`http://${address}/v2/`)).ok, {
      what: 'the registry to answer',
    });
  } catch (error) {
    await remove();
    throw error;
  }
  return { address, remove };
}
