import type { Logger } from '@tdc/platform';

/** A log that only remembers its notices. */
export interface RememberingLog extends Logger {
  readonly names: string[];
  readonly texts: string[];
}

export function rememberingLog(): RememberingLog {
  const names: string[] = [];
  const texts: string[] = [];
  return {
    names,
    texts,
    log: () => undefined,
    flush: () => undefined,
    notice(_level, name, text) {
      names.push(name);
      texts.push(text);
    },
  };
}

/** A log that nobody reads. */
export const silentLog: Logger = {
  log: () => undefined,
  flush: () => undefined,
  notice: () => undefined,
};
