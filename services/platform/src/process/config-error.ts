/** The configuration cannot be used. Lists every problem, so that one look mends all; the process exits with 78. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`configuration refused: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

/** sysexits: EX_CONFIG, EX_SOFTWARE. */
export const EXIT_CONFIG = 78;
export const EXIT_SOFTWARE = 70;
