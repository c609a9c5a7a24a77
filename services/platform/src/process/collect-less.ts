import { setFlagsFromString } from 'node:v8';

/**
 * Lets the heap grow to five times what is alive before all of it is looked through, and counts buffers to that, too.
 * V8 would look through all of it for every 64 MB of octets that pass: twenty messages of 1 MB. What may be used at most
 * is what `--max-old-space-size` says, as before.
 */
export function collectLess(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  setFlagsFromString('--heap-growing-percent=400');
}
