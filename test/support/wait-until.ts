export interface Deadline {
  /** Seconds after which the wait fails; 10 by default. */
  readonly withinSeconds?: number;
  /** What is waited for, for the failure's text. */
  readonly what?: string;
}

const STEP_MS = 20;

/**
 * Waits until `probe` answers something other than undefined and false, and answers that. A probe that throws is asked
 * again; past the deadline the wait fails with its last error.
 */
export async function waitUntil<T>(
  probe: () => T | Promise<T>,
  { withinSeconds = 10, what = 'the condition' }: Deadline = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + withinSeconds * 1000;
  let cause: unknown;
  do {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  } while (Date.now() < deadline);
  throw new Error(`${what} did not come about within ${withinSeconds} s`, { cause });
}
