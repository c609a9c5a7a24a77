import type { DocumentProblem } from './types.ts';

type Path = readonly (string | number)[];

/** `policies[2].users[0].recipient`; the document itself is `document`. */
export function formatProblemPath(path: Path): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  return text === '' ? 'document' : text.replace(/^\./, '');
}

/** Longest word that is taken for a typing error. */
const MAX_WORD = 64;

/** Edits that turn one word into the other; small ones are typing errors. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The known word that was probably meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_WORD) return undefined;
  const lower = word.toLowerCase();
  return known
    .map((candidate) => ({ candidate, edits: distance(lower, candidate.toLowerCase()) }))
    .filter(({ edits }) => edits <= Math.max(1, Math.floor(word.length / 3)))
    .sort((a, b) => a.edits - b.edits)[0]?.candidate;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A place in a document of unknown shape. Reading a value that is not what is wanted notes a problem and answers
 * undefined, so that one pass finds every problem.
 */
export class Place {
  readonly value: unknown;
  readonly path: Path;
  readonly #problems: DocumentProblem[];

  constructor(value: unknown, path: Path = [], problems: DocumentProblem[] = []) {
    this.value = value;
    this.path = path;
    this.#problems = problems;
  }

  get problems(): readonly DocumentProblem[] {
    return this.#problems;
  }

  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  problem(message: string): undefined {
    this.#problems.push({ path: this.path, message });
    return undefined;
  }

  /** The members of a mapping, none when it is no mapping; keys that are not known are problems. */
  members<K extends string>(known: readonly K[]): Readonly<Record<K, Place>> {
    const record = isRecord(this.value) ? this.value : {};
    if (!isRecord(this.value)) this.problem('must be a mapping');
    for (const key of Object.keys(record)) {
      if ((known as readonly string[]).includes(key)) continue;
      const meant = nearest(key, known);
      this.#child(record[key], key).problem(
        meant === undefined
          ? `unknown key; known are ${known.join(', ')}`
          : `unknown key; did you mean ${meant}?`,
      );
    }
    const entries = known.map((key) => [key, this.#child(record[key], key)] as const);
    return Object.fromEntries(entries) as Record<K, Place>;
  }

  /** All entries of a mapping whose keys are names of the document's own. */
  entries(): readonly (readonly [string, Place])[] {
    if (this.isAbsent) return [];
    if (!isRecord(this.value)) {
      this.problem('must be a mapping');
      return [];
    }
    return Object.entries(this.value).map(([key, value]) => [key, this.#child(value, key)]);
  }

  /** The items of a list; none when it is absent. */
  items(): readonly Place[] {
    if (this.isAbsent) return [];
    if (!Array.isArray(this.value)) {
      this.problem('must be a list');
      return [];
    }
    return this.value.map((value: unknown, index) => this.#child(value, index));
  }

  /** The same of a list that must hold something. */
  someItems(otherwise: string): readonly Place[] {
    const items = this.items();
    if (items.length === 0 && (this.isAbsent || Array.isArray(this.value))) this.problem(otherwise);
    return items;
  }

  /** A text on one line. */
  text(): string | undefined {
    if (typeof this.value !== 'string') return this.problem('must be a text');
    if (/[\u0000-\u001f\u007f]/.test(this.value)) return this.problem('must not hold control characters');
    return this.value;
  }

  textOr(otherwise: string): string {
    return this.isAbsent ? otherwise : (this.text() ?? otherwise);
  }

  booleanOr(otherwise: boolean): boolean {
    if (this.isAbsent) return otherwise;
    if (typeof this.value === 'boolean') return this.value;
    this.problem('must be true or false');
    return otherwise;
  }

  integerOr(otherwise: number, range: { readonly min: number; readonly max: number }): number {
    if (this.isAbsent) return otherwise;
    const { min, max } = range;
    if (Number.isInteger(this.value) && (this.value as number) >= min && (this.value as number) <= max) {
      return this.value as number;
    }
    this.problem(`must be a whole number from ${min} to ${max}`);
    return otherwise;
  }

  /** One of a closed set of words. */
  oneOf<T extends string>(words: readonly T[]): T | undefined {
    const found = words.find((word) => word === this.value);
    if (found !== undefined) return found;
    const meant = typeof this.value === 'string' ? nearest(this.value, words) : undefined;
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    return this.problem(`must be one of ${words.join(', ')}${hint}`);
  }

  oneOfOr<T extends string>(words: readonly T[], otherwise: T): T {
    return this.isAbsent ? otherwise : (this.oneOf(words) ?? otherwise);
  }

  #child(value: unknown, key: string | number): Place {
    return new Place(value, [...this.path, key], this.#problems);
  }
}
