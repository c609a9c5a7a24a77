/** What OpenSSL found, where it was what failed. Its message adds where in its source, and an end of line. */
export function opensslText(error: object): string | undefined {
  const { library, reason } = error as { readonly library?: unknown; readonly reason?: unknown };
  return typeof library === 'string' && typeof reason === 'string' ? `${reason} (${library})` : undefined;
}

/** What was thrown, in its own words: anything can be thrown. */
export const errorText = (error: unknown): string =>
  error instanceof Error ? (opensslText(error) ?? error.message) : String(error);
