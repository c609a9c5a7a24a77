import { type Action, type Script, TLS_MODES, VERBS, type Verb } from './script.ts';

/** What a script that came from outside says that cannot be played. */
export class ScriptError extends Error {}

type Fields = Readonly<Record<string, unknown>>;
/** Judges a value: what it must be, when it is not that. */
type Expect = (value: unknown) => string | undefined;

const ENDS = ['close', 'reset', 'stall'];

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const text: Expect = (value) => (typeof value === 'string' ? undefined : 'a text');
const count: Expect = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : 'a whole number from 0';
const oneOf =
  (names: readonly string[]): Expect =>
  (value) =>
    names.includes(value as string) ? undefined : `one of ${names.join(', ')}`;

const ACTION: Readonly<Record<string, Expect>> = {
  reply: text,
  replyAndClose: text,
  end: oneOf(ENDS),
  takeAnd: oneOf(ENDS),
  delayMs: count,
  drip: text,
};

const SIMPLE: Readonly<Record<string, Expect>> = {
  tls: oneOf(TLS_MODES),
  certificate: text,
  maxTlsVersion: oneOf(['TLSv1.2', 'TLSv1.3']),
  maxSizeBytes: count,
  messagesPerConnection: count,
  maxConnections: count,
};

function fieldsOf(value: unknown, where: string): Fields {
  if (!isFields(value)) throw new ScriptError(`${where} must be an object`);
  return value;
}

function check(value: unknown, where: string, expect: Expect | undefined): void {
  if (expect === undefined) throw new ScriptError(`${where} is not known`);
  const wanted = expect(value);
  if (wanted !== undefined) throw new ScriptError(`${where} must be ${wanted}`);
}

function parseAction(value: unknown, where: string): Action {
  const entries = Object.entries(fieldsOf(value, where));
  const [[name, content] = ['', undefined]] = entries;
  if (entries.length !== 1)
    throw new ScriptError(`${where} must have one of ${Object.keys(ACTION).join(', ')}`);
  check(content, `${where}.${name}`, ACTION[name]);
  return value as Action;
}

function parsePerVerb<T>(value: unknown, where: string, parse: (value: unknown, where: string) => T) {
  const parsed: Partial<Record<Verb, T>> = {};
  for (const [verb, content] of Object.entries(fieldsOf(value, where))) {
    check(verb, `${where}.${verb}`, oneOf(VERBS));
    parsed[verb as Verb] = parse(content, `${where}.${verb}`);
  }
  return parsed;
}

function parseList<T>(value: unknown, where: string, parse: (value: unknown, where: string) => T): T[] {
  if (!Array.isArray(value)) throw new ScriptError(`${where} must be a list`);
  return value.map((item, index) => parse(item, `${where}[${index}]`));
}

function checkAtByte(value: unknown, where: string): void {
  const { byte, ...others } = fieldsOf(value, where);
  check(byte, `${where}.byte`, count);
  const action = parseAction(others, where);
  if (!('end' in action || 'reply' in action)) throw new ScriptError(`${where} must have end or reply`);
}

/** Reads a script from JSON; a name that is not known or a value that cannot be played is a ScriptError. */
export function parseScript(value: unknown): Script {
  for (const [name, content] of Object.entries(fieldsOf(value, 'the script'))) {
    if (name === 'steps') parsePerVerb(content, name, (list, where) => parseList(list, where, parseAction));
    else if (name === 'always') parsePerVerb(content, name, parseAction);
    else if (name === 'without') parseList(content, name, (item, where) => check(item, where, text));
    else if (name === 'atByte') checkAtByte(content, name);
    else check(content, name, SIMPLE[name]);
  }
  return value as Script;
}
