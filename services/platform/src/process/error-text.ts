/** What was thrown, in its own words: anything can be thrown. */
export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
