import { closeSync, openSync, readSync, statSync } from 'node:fs';

const POLL_MS = 200;
const CHUNK = 64 * 1024;

/** Copies to a stream what is added to a file from now on; the file may not be there yet. */
export function followFile(path: string, out: { write(chunk: Buffer): unknown }): { stop(): void } {
  const size = (): number => {
    try {
      return statSync(path).size;
    } catch {
      return 0;
    }
  };
  let offset = size();
  const copy = (): void => {
    const now = size();
    // Somebody has emptied it.
    if (now < offset) offset = 0;
    if (now === offset) return;
    const file = openSync(path, 'r');
    try {
      const buffer = Buffer.alloc(CHUNK);
      for (
        let read = readSync(file, buffer, 0, CHUNK, offset);
        read > 0;
        read = readSync(file, buffer, 0, CHUNK, offset)
      ) {
        offset += read;
        out.write(Buffer.from(buffer.subarray(0, read)));
      }
    } finally {
      closeSync(file);
    }
  };
  const timer = setInterval(copy, POLL_MS);
  return {
    stop() {
      clearInterval(timer);
      copy();
    },
  };
}
