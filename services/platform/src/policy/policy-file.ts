import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { formatProblemPath, type PolicyDocument, parsePolicyDocument } from '@tdc/core';
import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml';

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

/** A gRPC message holds 4 MiB; a Kubernetes object 1 MiB. */
const MAX_BYTES = 1024 * 1024;

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
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) return invalid(unplaced(`is larger than ${MAX_BYTES} bytes`));
    return await parsePolicyText(await readFile(path, 'utf8'), dirname(path));
  } catch (error) {
    return invalid(unplaced(`cannot be read: ${(error as Error).message}`));
  }
}

/** The same from text; `folder` is where the files it names are looked for. */
export async function parsePolicyText(text: string, folder: string): Promise<PolicyFile> {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, merge: false });
  if (!Array.isArray(documents) || documents.length === 0) return invalid(unplaced('is empty'));
  const [document, second] = documents;
  if (document === undefined || second !== undefined) return invalid(unplaced('must be one YAML document'));
  if (document.errors.length > 0) {
    return invalid(
      ...document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        return { line, column: col, field: 'document', message: error.message.split('\n')[0] ?? '' };
      }),
    );
  }
  return checkValue(document, lines, folder);
}

async function checkValue(document: Document, lines: LineCounter, folder: string): Promise<PolicyFile> {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return invalid(unplaced((error as Error).message));
  }
  const problems: FileProblem[] = [];
  const place = (path: readonly (string | number)[], message: string): void => {
    problems.push({ ...positionOf(document, lines, path), field: formatProblemPath(path), message });
  };
  await readCaFiles(value, folder, place);
  const parsed = parsePolicyDocument(value);
  if (parsed.kind === 'invalid') for (const { path, message } of parsed.problems) place(path, message);
  if (parsed.kind === 'invalid' || problems.length > 0) {
    return invalid(...problems.toSorted((a, b) => a.line - b.line || a.column - b.column));
  }
  const documentJson = JSON.stringify(value);
  return { kind: 'valid', document: parsed.document, documentJson, sha256: hashOfDocument(documentJson) };
}

/** Where a path stands in the text; where it does not stand, the place of what should hold it. */
function positionOf(
  document: Document,
  lines: LineCounter,
  path: readonly (string | number)[],
): { line: number; column: number } {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) {
      const { line, col } = lines.linePos(node.range[0]);
      return { line, column: col };
    }
  }
  return { line: 1, column: 1 };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Replaces each `tls.caFile` by `tls.ca` with the file's text: who receives the document has no such file. */
async function readCaFiles(
  value: unknown,
  folder: string,
  problem: (path: readonly (string | number)[], message: string) => void,
): Promise<void> {
  if (!isRecord(value) || !isRecord(value['intakes'])) return;
  for (const [alias, intake] of Object.entries(value['intakes'])) {
    const tls = isRecord(intake) ? intake['tls'] : undefined;
    if (!isRecord(tls) || typeof tls['caFile'] !== 'string') continue;
    try {
      tls['ca'] = await readFile(resolve(folder, tls['caFile']), 'utf8');
    } catch (error) {
      problem(['intakes', alias, 'tls', 'caFile'], `cannot be read: ${(error as Error).message}`);
    }
    delete tls['caFile'];
  }
}
