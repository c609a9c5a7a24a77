import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Poll beside the watch: symbolic links that are swapped (ConfigMaps) and network file systems raise no events. */
const POLL_MS = 2000;
/** Editors write in several steps; look when they have come to rest. */
const SETTLE_MS = 100;

/** The files a document names, as far as one can see without parsing it. */
const NAMED_FILE = /caFile["']?\s*:\s*(?:"([^"\n]+)"|'([^'\n]+)'|([^"'\s,}#]+))/g;

async function fingerprint(path: string): Promise<string> {
  const hash = createHash('sha256');
  const text = await readFile(path, 'utf8').catch(() => '');
  hash.update(text);
  for (const [, double, single, plain] of text.matchAll(NAMED_FILE)) {
    const name = double ?? single ?? plain ?? '';
    hash.update(await readFile(resolve(dirname(path), name)).catch(() => Buffer.alloc(0)));
  }
  return hash.digest('hex');
}

/** Calls back when the document, or a file that it names, has other bytes than before. */
export async function watchPolicyFile(path: string, changed: () => void): Promise<{ stop(): void }> {
  let last = await fingerprint(path);
  let settling: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const now = await fingerprint(path);
    if (now === last) return;
    last = now;
    changed();
  };
  const soon = (): void => {
    clearTimeout(settling);
    settling = setTimeout(() => void look(), SETTLE_MS);
  };
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(path), soon);
    watcher.on('error', () => watcher?.close());
  } catch {
    // The poll below is enough where folders cannot be watched.
  }
  const poll = setInterval(() => void look(), POLL_MS);
  return {
    stop() {
      watcher?.close();
      clearInterval(poll);
      clearTimeout(settling);
    },
  };
}
