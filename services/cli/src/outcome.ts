/** How a command came out: what main.ts prints and exits with. */
export interface Outcome {
  readonly exitCode: number;
  /** For standard output; '' for nothing. */
  readonly out: string;
  /** For standard error; '' for nothing. */
  readonly err: string;
}

/** sysexits.h, where it has a number for it. */
export const EXIT = {
  ok: 0,
  /** The command ran and its answer is no. */
  negative: 1,
  usage: 64,
  data: 65,
  noInput: 66,
  unavailable: 69,
  software: 70,
  temporary: 75,
} as const;

const withNewline = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

export const succeeded = (out: string): Outcome => ({ exitCode: EXIT.ok, out: withNewline(out), err: '' });

export const failed = (exitCode: number, err: string, out = ''): Outcome => ({
  exitCode,
  out: withNewline(out),
  err: withNewline(err),
});

/** One JSON value on standard output. */
export const json = (value: unknown): string => JSON.stringify(value, null, 2);
