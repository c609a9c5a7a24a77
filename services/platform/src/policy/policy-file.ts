import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatProblemPath, type PolicyDocument, parsePolicyDocument } from '@tdc/core';
import { type Alias, type Document, isScalar, LineCounter, parseAllDocuments, visit } from 'yaml';
import { fillInCaFiles } from './ca-files.ts';
import { offsetOf } from './document-place.ts';

/** Something wrong with a policy file, where a person finds it. Line and column from 1; 0 when the file has none. */
export interface FileProblem {
  readonly line: number;
  readonly column: number;
  /** `policies[2].users[0].recipient`. */
  readonly field: string;
  readonly message: string;
}

export type PolicyFile =
  | {
      readonly kind: 'valid';
      readonly document: PolicyDocument;
      /** The document as it is served: JSON, the files it names read into it. */
      readonly documentJson: string;
      /** Of `documentJson`, lower-case hex. */
      readonly sha256: string;
    }
  | { readonly kind: 'invalid'; readonly problems: readonly FileProblem[] };

/** As much as a Kubernetes object holds. */
const MAX_BYTES = 1024 * 1024;
/** A gRPC message holds 4 MiB. */
const MAX_SERVED_BYTES = 3 * 1024 * 1024;
/** Of one anchor, and altogether: each is looked for from the start of the document. */
const MAX_REPEATS = 100;
const MAX_ALIASES = 1000;
/** Nobody reads more at once, and placing each costs time. */
const MAX_PROBLEMS = 100;

const invalid = (...problems: readonly FileProblem[]): PolicyFile => ({ kind: 'invalid', problems });
const unplaced = (message: string): FileProblem => ({ line: 0, column: 0, field: 'document', message });

export const hashOfDocument = (documentJson: string): string =>
  createHash('sha256').update(documentJson).digest('hex');

/** `policy.yaml:7:12: policies[0].name: is missing`, as compilers write it. */
export function formatFileProblem(path: string, problem: FileProblem): string {
  const place = problem.line === 0 ? path : `${path}:${problem.line}:${problem.column}`;
  return `${place}: ${problem.field}: ${problem.message}`;
}

/** Reads and checks a policy document; every problem at once, each with line and field. */
export async function readPolicyFile(path: string): Promise<PolicyFile> {
  let bytes: Buffer;
  try {
    const found = await stat(path);
    if (!found.isFile()) return invalid(unplaced('is not a file'));
    if (found.size > MAX_BYTES) return invalid(unplaced(`is larger than ${MAX_BYTES} bytes`));
    bytes = await readFile(path);
  } catch (error) {
    return invalid(unplaced(`cannot be read: ${(error as Error).message}`));
  }
  if (isUtf8(bytes)) return parsePolicyText(bytes.toString(), dirname(path));
  return invalid({ ...unplaced('is not UTF-8'), line: lineOfOddOctet(bytes), column: 1 });
}

/** The first line that is not UTF-8, from 1. */
function lineOfOddOctet(bytes: Buffer): number {
  const lines = bytes.toString('latin1').split('\n');
  return lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1'))) + 1;
}

/** The same from text; `folder` is where the files it names are looked for. */
export async function parsePolicyText(text: string, folder: string): Promise<PolicyFile> {
  const lines = new LineCounter();
  const at = (offset: number, message: string, field = 'document'): FileProblem => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col, field, message };
  };
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    // A key is the text that stands there: 1 and "1" are the same twice.
    stringKeys: true,
    // The library compares every key with every other.
    uniqueKeys: false,
  });
  const [document, second] = documents;
  if (document === undefined) return invalid(unplaced('is empty'));
  if (second !== undefined) return invalid(at(second.range[0], 'must be one YAML document'));
  const problems = syntaxProblems(document, at);
  return problems.length > 0 ? invalid(...problems) : checkValue(document, at, folder);
}

type ProblemAt = (offset: number, message: string, field?: string) => FileProblem;

/** What the YAML itself gets wrong. Warnings count: the library goes on with a guess where we would rather be told. */
function syntaxProblems(document: Document.Parsed, at: ProblemAt): readonly FileProblem[] {
  const found = [...document.errors, ...document.warnings];
  const overflow = found.find(({ message }) => message.startsWith('Maximum call stack'));
  if (overflow !== undefined) return [at(overflow.pos[0], 'is nested too deeply')];
  const problems = found.slice(0, MAX_PROBLEMS).map(({ pos, message }) => at(pos[0], message));
  if (document.directives.yaml.version !== '1.2') problems.push(at(0, 'must be YAML 1.2'));
  return [...problems, ...repeatedKeys(document, at), ...aliasProblems(document, at)].slice(0, MAX_PROBLEMS);
}

function repeatedKeys(document: Document.Parsed, at: ProblemAt): readonly FileProblem[] {
  const problems: FileProblem[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name))
          problems.push(at(key.range?.[0] ?? 0, `the key ${name} stands here a second time`));
        seen.add(name);
      }
    },
  });
  return problems;
}

function aliasProblems(document: Document.Parsed, at: ProblemAt): readonly FileProblem[] {
  const aliases: Alias[] = [];
  visit(document, { Alias: (_, alias) => void aliases.push(alias) });
  if (aliases.length > MAX_ALIASES) return [unplaced(`has more than ${MAX_ALIASES} aliases`)];
  return aliases
    .filter((alias) => alias.resolve(document) === undefined)
    .map((alias) => at(alias.range?.[0] ?? 0, `there is no anchor ${alias.source} before this alias`));
}

async function checkValue(document: Document.Parsed, at: ProblemAt, folder: string): Promise<PolicyFile> {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_REPEATS });
  } catch {
    return invalid(unplaced(`repeats itself by aliases more than ${MAX_REPEATS} times`));
  }
  const problems: FileProblem[] = [];
  const place = (path: readonly (string | number)[], message: string): void => {
    problems.push(at(offsetOf(document, path), message, formatProblemPath(path)));
  };
  await fillInCaFiles(value, folder, place);
  const parsed = parsePolicyDocument(value);
  if (parsed.kind === 'invalid')
    for (const { path, message } of parsed.problems.slice(0, MAX_PROBLEMS)) place(path, message);
  if (parsed.kind === 'invalid' || problems.length > 0) {
    return invalid(...problems.toSorted((a, b) => a.line - b.line || a.column - b.column));
  }
  const documentJson = JSON.stringify(value);
  if (Buffer.byteLength(documentJson) > MAX_SERVED_BYTES) {
    return invalid(unplaced(`is larger than ${MAX_SERVED_BYTES} bytes with aliases and files filled in`));
  }
  return { kind: 'valid', document: parsed.document, documentJson, sha256: hashOfDocument(documentJson) };
}
