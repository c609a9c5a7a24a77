import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * Takes a folder for this process: two systems on one folder would write the same files of Redis. False when another
 * process of this machine has it. It is free again with the end of the process, whatever the end was: the lock is the name
 * of a socket without a file, which only Linux has; elsewhere the folder is taken on trust.
 */
export function lockFolder(folder: string): Promise<boolean> {
  if (process.platform !== 'linux') return Promise.resolve(true);
  const name = createHash('sha256').update(realpathSync(folder)).digest('hex');
  return new Promise((resolve) => {
    const server = createServer().unref();
    server.once('error', () => resolve(false));
    server.listen(`\0tdc-${name}`, () => resolve(true));
  });
}
